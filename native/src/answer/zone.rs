//! What one name of a zone is answered with.

use super::lookup::{Encloser, LookupKind, classify};
use super::scratch::PARENT_SIDE;
use super::writer::Section::{Additional, Answer as Answers, Authority};
use super::{Answer, Next};
use crate::tables::{NONE, Node, Referral, RrsetWire};
use crate::wire::codes::{rcode, rtype};
use crate::wire::limits::ANY_TTL;
use crate::wire::name::Name;

/// RFC 8482 §4.2: one HINFO instead of everything that the name holds.
const ANY_HINFO: &[u8] = b"\x07RFC8482\x00";

impl Answer<'_, '_> {
    /// Write what one name holds; the target where it is an alias.
    #[inline]
    pub(super) fn step(&mut self, name: &[u8], encloser: &Encloser<'_>, first: bool) -> Next {
        let chain = &mut *self.chain;
        let (kind, node) = classify(self.plan, &chain.key, encloser, &mut chain.asterisk);
        match kind {
            LookupKind::Node => return self.node(name, node, encloser.node.zone),
            LookupKind::Dname => return self.dname(name, encloser),
            LookupKind::Cut => self.cut(name, node, encloser.label == 0, first),
            LookupKind::Nothing => {
                self.reply.rcode = rcode::NXDOMAIN;
                self.negative(node.zone, None);
            }
        }
        None
    }

    #[inline]
    fn node(&mut self, name: &[u8], node: &Node, zone: u32) -> Next {
        let (plan, qtype) = (self.plan, self.query.qtype);
        if let Some(service) = plan.service(node.service)
            && (matches!(qtype, rtype::A | rtype::AAAA) || service.cname)
        {
            return self.steered(name, node, service, zone);
        }
        if let Some(rrset) = plan.rrset_at(node, qtype) {
            self.writer.rrset(Answers, name, rrset, &plan.pool);
            return None;
        }
        if let Some(alias) = plan.rrset_at(node, rtype::CNAME) {
            self.writer.rrset(Answers, name, alias, &plan.pool);
            return self.target(plan.pool.get(alias.target));
        }
        if qtype == rtype::ANY && (plan.has_rrsets(node) || node.service != NONE) {
            self.writer.record(name, rtype::HINFO, ANY_TTL, ANY_HINFO);
            return None;
        }
        self.negative(zone, None);
        None
    }

    /// Where a CNAME leads, unless CNAME or ANY was asked (RFC 1034 §3.6.2).
    pub(super) fn target(&self, target: &[u8]) -> Next {
        match self.query.qtype {
            rtype::CNAME | rtype::ANY => None,
            _ => Name::copied(target),
        }
    }

    /// The SOA with the negative TTL (RFC 2308 §3), or a lower one.
    pub(super) fn negative(&mut self, zone: u32, ttl: Option<u32>) {
        let plan = self.plan;
        if let Some(zone) = plan.zone(zone)
            && let Some(soa) = plan.rrset(zone.soa)
        {
            let ttl = ttl.unwrap_or(zone.negative_ttl);
            let apex = plan.pool.get(zone.apex);
            (self.writer).rrset_with(Authority, apex, soa, ttl, &plan.pool);
        }
    }

    /// The DNAME and the CNAME synthesised from it (RFC 6672 §3.1).
    fn dname(&mut self, name: &[u8], encloser: &Encloser<'_>) -> Next {
        let plan = self.plan;
        let length = self.chain.key.length_from(encloser.label);
        let (front, owner) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let dname = plan.rrset_at(encloser.node, rtype::DNAME)?;
        if self.chain.first_redirect(encloser.index) {
            self.writer.rrset(Answers, owner, dname, &plan.pool);
        }
        let Some(target) = Name::joined(front, plan.pool.get(dname.target)) else {
            self.reply.rcode = rcode::YXDOMAIN;
            return None;
        };
        self.writer.alias(name, target.octets(), dname.ttl);
        Some(target)
    }

    fn cut(&mut self, name: &[u8], node: &Node, exact: bool, first: bool) {
        let plan = self.plan;
        let Some(referral) = plan.referral(node.referral) else {
            return;
        };
        let owner = plan.pool.get(referral.owner);
        let at_cut = exact && owner.len() == name.len();
        if self.query.qtype == PARENT_SIDE && at_cut {
            match plan.rrset_at(node, PARENT_SIDE) {
                Some(rrset) => self.writer.rrset(Answers, name, rrset, &plan.pool),
                None => self.negative(node.zone, None),
            }
            return;
        }
        if first {
            // A referral is not authoritative, unless an alias before it was.
            self.reply.flags = 0;
        }
        self.refer(owner, referral, plan.rrset(referral.ns));
    }

    fn refer(&mut self, owner: &[u8], referral: &Referral, ns: Option<&RrsetWire>) {
        let plan = self.plan;
        if let Some(ns) = ns {
            self.writer.rrset(Authority, owner, ns, &plan.pool);
        }
        for glue in plan.glue(referral) {
            if let Some(rrset) = plan.rrset(glue.rrset) {
                let owner = plan.pool.get(glue.owner);
                self.writer.rrset(Additional, owner, rrset, &plan.pool);
            }
        }
    }
}

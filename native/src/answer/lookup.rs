//! Finding what a zone says of a name: RFC 1034 §4.3.2, with wildcards and zone cuts.
//!
//! The walk goes up from the name. A node that is marked *closest* lies in the closest zone of
//! its own name, so the first one met gives both the closest zone and, in it, the closest
//! encloser: no apex lies between it and the name, or that apex would have been met before.

use crate::tables::{NONE, Node, Plan};
use crate::wire::codes::rtype::DNAME;
use crate::wire::limits::MAX_NAME;
use crate::wire::name::{Key, Suffix, wildcard};

/// What a name turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupKind {
    /// It exists, or a wildcard stands in for it.
    Node,
    /// It lies at or below a zone cut.
    Cut,
    /// It lies below a DNAME owner (RFC 6672).
    Dname,
    /// It does not exist: NXDOMAIN.
    Nothing,
}

/// The lowest node at or above a name.
#[derive(Clone, Copy)]
pub struct Encloser<'p> {
    /// The node.
    pub node: &'p Node,
    /// Its index.
    pub index: u32,
    /// The label of the name at which the node's own begins; 0 where the name itself exists.
    pub label: usize,
}

/// The closest encloser of `name`, from `label` up, in its closest zone.
#[must_use]
#[inline]
pub fn closest<'p>(plan: &'p Plan, name: &Key, label: usize) -> Option<Encloser<'p>> {
    above(plan, name, label, |node| node.closest)
}

/// The closest encloser of `name` in one zone.
#[must_use]
pub fn within<'p>(plan: &'p Plan, name: &Key, zone: u32) -> Option<Encloser<'p>> {
    above(plan, name, 0, |node| node.zone == zone)
}

#[inline]
fn above<'p>(
    plan: &'p Plan,
    name: &Key,
    label: usize,
    accept: impl Fn(&Node) -> bool,
) -> Option<Encloser<'p>> {
    (label..=name.labels()).find_map(|label| {
        plan.find(name.suffix(label), &accept)
            .map(|(index, node)| Encloser { node, index, label })
    })
}

/// What the encloser's zone says of `name`, and the node that this rests on.
#[must_use]
#[inline]
pub fn classify<'p>(
    plan: &'p Plan,
    name: &Key,
    encloser: &Encloser<'p>,
    scratch: &mut Asterisk,
) -> (LookupKind, &'p Node) {
    let node = encloser.node;
    if node.referral != NONE {
        return (LookupKind::Cut, node);
    }
    if encloser.label == 0 {
        return (LookupKind::Node, node);
    }
    if plan.rrset_at(node, DNAME).is_some() {
        return (LookupKind::Dname, node);
    }
    let source = scratch.under(name.suffix(encloser.label));
    let zone = node.zone;
    match plan.find(source, |found| found.zone == zone) {
        Some((_, source)) if source.referral == NONE => (LookupKind::Node, source),
        _ => (LookupKind::Nothing, node),
    }
}

/// Memory for the name of a wildcard.
pub struct Asterisk {
    octets: [u8; 2 + MAX_NAME],
}

impl Asterisk {
    /// A name that begins with an asterisk.
    #[must_use]
    pub const fn new() -> Self {
        let mut octets = [0; 2 + MAX_NAME];
        octets[0] = 1;
        octets[1] = b'*';
        Self { octets }
    }

    /// The wildcard under `encloser`.
    fn under(&mut self, encloser: Suffix<'_>) -> Suffix<'_> {
        let end = 2 + encloser.octets.len();
        if let Some(part) = self.octets.get_mut(2..end) {
            part.copy_from_slice(encloser.octets);
        }
        Suffix {
            octets: self.octets.get(..end).unwrap_or_default(),
            hash: wildcard(encloser.hash),
        }
    }
}

impl Default for Asterisk {
    fn default() -> Self {
        Self::new()
    }
}

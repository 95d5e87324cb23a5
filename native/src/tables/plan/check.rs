//! What must hold between the records of a Plan, and the table of its names.

use super::before::Before;
use super::{Node, Plan, slice};
use crate::tables::NONE;
use crate::tables::names::Names;
use crate::wire::name::Key;

impl Plan {
    /// Whether every index leads somewhere.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let rrset = |index: u32| {
            self.rrset(index)
                .ok_or("an RRset is named that is not there")
        };
        for zone in &self.zones {
            rrset(zone.soa)?;
        }
        for node in &self.nodes {
            let first = node.first as usize;
            let held = self.rrsets.get(first..first + usize::from(node.rrsets));
            held.ok_or("an RRset is named that is not there")?;
            if node.zone as usize >= self.zones.len()
                || node.service != NONE && node.service as usize >= self.services.len()
                || node.referral != NONE && node.referral as usize >= self.referrals.len()
            {
                return Err("a name leads to a zone, a service or a cut that is not there");
            }
        }
        for referral in &self.referrals {
            rrset(referral.ns)?;
            if self.glue(referral).len() != referral.count as usize {
                return Err("glue is named that is not there");
            }
        }
        for glue in &self.glue {
            rrset(glue.rrset)?;
        }
        for service in &self.services {
            let slots = slice(&self.region_slots, service.first, service.regions);
            if slots.len() != service.regions as usize {
                return Err("a service has other regions than the image counts");
            }
        }
        self.check_tiers()?;
        for mapped in &self.maps {
            let slots = slice(&self.pin_slots, mapped.first, mapped.pins);
            if slots.len() != mapped.map.pins() {
                return Err("a client map has other pins than the image counts");
            }
        }
        Ok(())
    }

    /// Put all names into the hash table, and mark those whose zone is the closest one.
    pub(super) fn index(&mut self, before: Option<&Before<'_>>) -> Result<(), &'static str> {
        let known = before.and_then(|before| before.names(self));
        let (names, mut closest) = known.unwrap_or_else(|| {
            let count = self.nodes.len();
            (Names::with_room_for(count), Vec::with_capacity(count))
        });
        self.names = names;
        let known = closest.len();
        let mut key = Key::new();
        for (index, node) in (0_u32..).zip(&self.nodes).skip(known) {
            key.set(self.pool.get(node.name));
            if key.octets() != self.pool.get(node.name) {
                return Err("a name is not lowered");
            }
            if self
                .find(key.suffix(0), |other| other.zone == node.zone)
                .is_some()
            {
                return Err("a name stands twice in a zone");
            }
            self.names.add(key.suffix(0).hash, index);
        }
        let apexes = self.apexes()?;
        let is_apex = |index: u32, node: &Node| apexes.get(node.zone as usize) == Some(&index);
        for node in self.nodes.iter().skip(known) {
            key.set(self.pool.get(node.name));
            let zone = (0..=key.labels()).find_map(|label| {
                let suffix = key.suffix(label);
                self.names.find(suffix.hash, |index| {
                    let other = self.nodes.get(index as usize)?;
                    let same = self.pool.get(other.name) == suffix.octets;
                    (same && is_apex(index, other)).then_some(other.zone)
                })
            });
            let apex = self.zone(node.zone).map_or(0, |zone| zone.apex.len());
            let own = self.zone(node.zone).map(|zone| self.pool.get(zone.apex));
            let tail = key.octets().len().checked_sub(apex);
            if !tail.is_some_and(|tail| {
                own.is_some_and(|own| {
                    key.octets()
                        .get(tail..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(own))
                })
            }) {
                return Err("a name lies outside its zone");
            }
            closest.push(zone == Some(node.zone));
        }
        for (node, closest) in self.nodes.iter_mut().zip(closest) {
            node.closest = closest;
        }
        Ok(())
    }

    /// The node of each zone's apex.
    fn apexes(&self) -> Result<Vec<u32>, &'static str> {
        let mut key = Key::new();
        (0_u32..)
            .zip(&self.zones)
            .map(|(number, zone)| {
                key.set(self.pool.get(zone.apex));
                let found = self.find(key.suffix(0), |node| node.zone == number);
                found.map(|(index, _)| index).ok_or("a zone has no apex")
            })
            .collect()
    }
}

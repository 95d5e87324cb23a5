//! What a Plan that is loaded has of the one before: records and names that were looked at then.
//!
//! Nothing of it is taken on trust: what is taken over has the same octets at the same place.

use super::{Node, Plan, RrsetWire, Run};
use crate::tables::Pool;
use crate::tables::names::Names;
use crate::tables::records::{NodeRecord, RrsetRecord};

/// A Plan whose pool the new one's begins with, so that what pointed into it still does.
pub(super) struct Before<'p>(&'p Plan);

impl<'p> Before<'p> {
    /// `plan`, if the `pool` of the new one begins with its.
    pub(super) fn of(plan: &'p Plan, pool: &Pool) -> Option<Self> {
        pool.0.starts_with(&plan.pool.0).then_some(Self(plan))
    }

    /// The RRset of that index, if `record` says the same of it.
    pub(super) fn rrset(&self, index: usize, record: &RrsetRecord) -> Option<RrsetWire> {
        let known = self.0.rrsets.get(index)?;
        // A count that fills the number stands for more as well.
        let count = u16::try_from(record.count).ok()?;
        let same = known.records.at == record.at
            && known.records.length == record.length
            && known.ttl == record.ttl
            && known.rtype == record.rtype
            && known.in_parts == (record.in_parts != 0)
            && known.count == count
            && count != u16::MAX;
        same.then_some(*known)
    }

    /// The name of the node of that index, if `record` has the same.
    pub(super) fn name(&self, index: usize, record: &NodeRecord) -> Option<Run> {
        let name = self.0.nodes.get(index)?.name;
        (name.at == record.name).then_some(name)
    }

    /// The table of its names for `plan`, in which those of its first nodes stand; how many these
    /// are, and of each whether its zone is the closest one.
    ///
    /// Those are all that it had: the zones have the same names, and so have its nodes.
    pub(super) fn names(&self, plan: &Plan) -> Option<(Names, Vec<bool>)> {
        let then = self.0;
        let apexes = then.zones.iter().map(|zone| then.pool.get(zone.apex));
        let same_zones = then.zones.len() == plan.zones.len()
            && plan
                .zones
                .iter()
                .map(|zone| plan.pool.get(zone.apex))
                .zip(apexes)
                .all(|(now, then)| now.eq_ignore_ascii_case(then));
        let first = plan.nodes.get(..then.nodes.len())?;
        // The name of one that was edited may stand elsewhere.
        let same = |(now, was): (&Node, &Node)| {
            let name =
                now.name.at == was.name.at || plan.pool.get(now.name) == then.pool.get(was.name);
            name && now.zone == was.zone
        };
        if !same_zones || !first.iter().zip(&then.nodes).all(same) {
            return None;
        }
        let names = Names::after(&then.names, plan.nodes.len())?;
        let mut closest = Vec::with_capacity(plan.nodes.len());
        closest.extend(then.nodes.iter().map(|node| node.closest));
        Some((names, closest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::ClientMap;
    use std::sync::Arc;

    const IMAGE: &[u8] = include_bytes!("../../../fuzz/plan.image");

    fn plan() -> Plan {
        let regions: [&[u8]; 2] = [&[0, 1, 2, 3], &[0, 1]];
        let maps = regions.map(|each| Arc::new(ClientMap::same_for_all(each).unwrap()));
        Plan::load(IMAGE, maps.into(), None).unwrap()
    }

    /// Whether the names of the Plan are those of one that `edit` made of it.
    fn known_after(edit: impl FnOnce(&mut Plan)) -> bool {
        let (then, mut now) = (plan(), plan());
        edit(&mut now);
        let before = Before::of(&then, &now.pool).expect("the pool begins with the one before");
        let found = before.names(&now);
        if let Some((_, closest)) = &found {
            assert!(
                closest
                    .iter()
                    .eq(then.nodes.iter().map(|node| &node.closest))
            );
            assert!(closest.contains(&true) && closest.contains(&false));
        }
        found.is_some()
    }

    fn with_nodes(plan: &mut Plan, edit: impl FnOnce(&mut Vec<Node>)) {
        let mut nodes = std::mem::take(&mut plan.nodes).into_vec();
        edit(&mut nodes);
        plan.nodes = nodes.into();
    }

    #[test]
    fn names_are_known_where_all_stand_as_they_stood() {
        assert!(known_after(|_| {}));
        assert!(known_after(|now| with_nodes(now, |nodes| {
            nodes.extend(plan().nodes.into_iter().last());
        })));
    }

    #[test]
    fn names_are_not_known_after_one_that_went_or_moved() {
        assert!(!known_after(|now| with_nodes(now, |nodes| {
            nodes.pop();
        })));
        assert!(!known_after(|now| with_nodes(now, |nodes| {
            nodes.remove(0);
            nodes.extend(plan().nodes.into_iter().last());
        })));
        assert!(!known_after(|now| now.nodes.swap(0, 1)));
        assert!(!known_after(|now| now.nodes[0].zone ^= 1));
    }

    #[test]
    fn names_are_not_known_where_the_zones_are_others() {
        assert!(!known_after(|now| now.zones.swap(0, 1)));
        assert!(!known_after(|now| {
            now.zones = plan().zones.into_iter().skip(1).collect();
        }));
        assert!(!known_after(|now| {
            let [one, two] = [plan(), plan()].map(|plan| plan.zones.into_iter());
            now.zones = one.chain(two.take(1)).collect();
        }));
    }

    #[test]
    fn nothing_is_known_where_the_pool_does_not_begin_with_the_one_before() {
        let (then, mut now) = (plan(), plan());
        now.pool.0[0] ^= 1;
        assert!(Before::of(&then, &now.pool).is_none());
    }
}

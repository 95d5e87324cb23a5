//! What a client is given who may keep a region: `hold` of `resolverd/snapshot/held.py`.

use super::steered::Asked;
use super::tiers::Members;
use crate::geo::{MapEntry, PreferenceList, draw_word};
use crate::tables::{Decision, Epochs, Lists};

/// Memory for a look-up in the client map before, and for its list and the one of now.
pub(super) struct Scratch {
    map: crate::geo::Scratch,
    then: Vec<u8>,
    now: Vec<u8>,
}

impl Scratch {
    /// Enough for any map.
    pub(super) fn new() -> Self {
        Self {
            map: crate::geo::Scratch::new(),
            then: Vec::with_capacity(256),
            now: Vec::with_capacity(256),
        }
    }
}

impl<'a> Asked<'a> {
    /// Have the client keep its region, and the scope tell in which prefix that holds.
    #[cold]
    pub(super) fn hold(
        &self,
        epochs: &Epochs,
        found: &MapEntry<'_>,
        decision: &mut Decision<'a>,
        scope: &mut u8,
        scratch: &mut Scratch,
    ) {
        let Scratch { map, then, now } = scratch;
        let (plan, steering) = (self.snapshot.plan(), self.snapshot.steering());
        let preference = found.preference;
        let first = preference.first();
        let mut steadfast = first.is_none_or(|first| epochs.is_steadfast(first));
        let mut earlier = PreferenceList::default();
        let mut numbers: &[u8] = &[];
        let was = plan.earlier_map(self.service);
        if let Some((before, regions)) = was.filter(|_| epochs.has_earlier()) {
            let was = before.lookup(self.client, map);
            *scope = (*scope).max(was.scope);
            (earlier, numbers) = (was.preference, regions);
        }
        let looked_up = !numbers.is_empty();
        if looked_up || !steadfast {
            now.clear();
            now.extend(preference.iter());
        }
        if looked_up {
            let renumbered =
                { earlier.iter() }.filter_map(|region| numbers.get(usize::from(region)).copied());
            then.clear();
            if self.reordered {
                let known = Members::of(renumbered);
                then.extend(now.iter().copied().filter(|region| known.has(*region)));
            } else {
                let own = |region: &u8| usize::from(*region) < self.map.regions();
                then.extend(renumbered.filter(|region| own(region) && now.contains(region)));
                then.extend(now.iter().copied().filter(|region| !own(region)));
            }
            steadfast &= then.first().copied() == first;
        }
        if steadfast && *scope <= self.client.length {
            return;
        }
        let block = self.map.block(self.client);
        *scope = (*scope).max(block.scope);
        if steadfast {
            return;
        }
        let lists = Lists {
            then: if looked_up { then } else { now },
            now,
        };
        let word = draw_word(block.prefix);
        steering.hold(epochs, decision, self.number, self.service, lists, word);
    }
}

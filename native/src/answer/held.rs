//! What a client is given who may keep a region: `hold` of `resolverd/snapshot/held.py`.

use crate::geo::{ClientMap, MapEntry, PreferenceList, draw_word};
use crate::tables::{Decision, Epochs, Lists, Plan, ServicePlan, Steering};
use crate::wire::prefix::Prefix;

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

/// A client, and what the map of now says of it.
pub(super) struct Asked<'q, 's> {
    pub(super) plan: &'q Plan,
    pub(super) steering: &'s Steering,
    /// The service's number.
    pub(super) number: u32,
    pub(super) service: &'q ServicePlan,
    pub(super) map: &'q ClientMap,
    pub(super) client: Prefix,
    pub(super) found: MapEntry<'q>,
}

impl<'s> Asked<'_, 's> {
    /// Have the client keep its region, and the scope tell in which prefix that holds.
    #[cold]
    pub(super) fn hold(
        &self,
        epochs: &Epochs,
        decision: &mut Decision<'s>,
        scope: &mut u8,
        scratch: &mut Scratch,
    ) {
        let Scratch { map, then, now } = scratch;
        let preference = self.found.preference;
        let first = preference.first();
        let mut steadfast = first.is_none_or(|first| epochs.is_steadfast(first));
        let mut earlier = PreferenceList::default();
        let mut numbers: &[u8] = &[];
        let was = self.plan.earlier_map(self.service);
        if let Some((before, regions)) = was.filter(|_| epochs.has_earlier()) {
            let found = before.lookup(self.client, map);
            *scope = (*scope).max(found.scope);
            (earlier, numbers) = (found.preference, regions);
        }
        let looked_up = !numbers.is_empty();
        if looked_up || !steadfast {
            now.clear();
            now.extend(preference.iter());
        }
        if looked_up {
            let renumbered = { earlier.iter() }
                .filter_map(|region| numbers.get(usize::from(region)).copied())
                .filter(|region| now.contains(region));
            then.clear();
            then.extend(renumbered);
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
        (self.steering).hold(epochs, decision, self.number, self.service, lists, word);
    }
}

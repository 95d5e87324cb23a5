//! Which region a block keeps, by its epoch: `resolverd/policy/sticky.py`.

use super::Positions;
use crate::geo::{draw_of_word, mix_word};
use crate::tables::NONE;
use crate::tables::image::Reader;
use crate::tables::records::{CohortRecord, EpochsRecord, SegmentRecord, SegmentShareRecord};

/// Groups of blocks that begin their epochs together.
const COHORTS: u32 = 64;

/// What a block's cohort is hashed with.
const SEED: u64 = 0x6a09_e667_f3bc_c908;

/// What the decisions of a service have rested on, and how far that counts for each cohort.
pub struct Epochs {
    cohorts: Box<[CohortRecord]>,
    segments: Box<[SegmentRecord]>,
    /// Of each region the segments that it served in, a bit each.
    served: Box<[u64]>,
    /// In the order of segments, then regions.
    shares: Box<[SegmentShareRecord]>,
    /// How many of the first segments are of the client map before.
    earlier: usize,
    /// The regions that keep all who have them first, a bit each.
    steadfast: [u64; 4],
}

/// The epochs of those services that have any.
#[derive(Default)]
pub(super) struct EpochsByService {
    all: Box<[Epochs]>,
    /// Of each service its number in `all`, or [`NONE`]; empty where there are none.
    of_service: Box<[u32]>,
}

/// A client's regions, by the client map before and by the one of now.
#[derive(Clone, Copy)]
pub struct Lists<'a> {
    /// Only of regions that are in the list of now.
    pub then: &'a [u8],
    /// The list of now.
    pub now: &'a [u8],
}

impl EpochsByService {
    /// All that an image has for services with so many regions each.
    pub(super) fn read(
        from: &mut Reader<'_>,
        count: u32,
        regions: &[u32],
        positions: usize,
    ) -> Result<Self, &'static str> {
        let heads = from.records(count, EpochsRecord::SIZE, EpochsRecord::read)?;
        if heads.is_empty() {
            return Ok(Self::default());
        }
        let mut of_service = vec![NONE; regions.len()];
        let mut all = Vec::with_capacity(heads.len());
        for (number, head) in (0..).zip(&heads) {
            let service = head.service as usize;
            let regions = regions.get(service).copied();
            let place = of_service.get_mut(service).filter(|place| **place == NONE);
            let (Some(regions), Some(place)) = (regions, place) else {
                return Err("epochs are of a service that is not there, or has others");
            };
            *place = number;
            all.push(Epochs::read(from, head, regions, positions)?);
        }
        Ok(Self {
            all: all.into(),
            of_service: of_service.into(),
        })
    }

    /// Those of a service.
    #[inline]
    pub(super) fn of(&self, service: u32) -> Option<&Epochs> {
        self.all
            .get(*self.of_service.get(service as usize)? as usize)
    }
}

impl Epochs {
    fn read(
        from: &mut Reader<'_>,
        head: &EpochsRecord,
        regions: u32,
        positions: usize,
    ) -> Result<Self, &'static str> {
        let cohorts = from.records(COHORTS, CohortRecord::SIZE, CohortRecord::read)?;
        let segments = from.records(head.segments, SegmentRecord::SIZE, SegmentRecord::read)?;
        let served = from.records(regions, 8, Reader::u64)?;
        let shares = from.records(
            head.shares,
            SegmentShareRecord::SIZE,
            SegmentShareRecord::read,
        )?;
        let (count, earlier) = (segments.len(), head.earlier as usize);
        if count == 0 || count > 64 || earlier >= count {
            return Err("there are too many segments, or none");
        }
        if !cohorts
            .iter()
            .all(|cohort| usize::from(cohort.start) < count)
        {
            return Err("an epoch began in a segment that is not there");
        }
        let sound = |share: &SegmentShareRecord| {
            usize::from(share.segment) < count
                && usize::from(share.region) < served.len()
                && (share.positions == NONE || (share.positions as usize) < positions)
        };
        let place = |share: &SegmentShareRecord| (share.segment, share.region);
        if !shares.iter().all(sound) || !shares.is_sorted_by(|a, b| place(a) < place(b)) {
            return Err("a share is of a segment or region that is not there, or out of order");
        }
        let mut steadfast = [0; 4];
        if segments.iter().all(|segment| segment.trickle == 0.0) {
            let always = u64::MAX >> (64 - count);
            for (region, served) in served.iter().enumerate() {
                let sent = { shares.iter() }
                    .any(|s| usize::from(s.region) == region && s.spill_ratio > 0.0);
                if *served == always
                    && !sent
                    && let Some(word) = steadfast.get_mut(region / 64)
                {
                    *word |= 1_u64 << (region % 64);
                }
            }
        }
        Ok(Self {
            cohorts,
            segments,
            served,
            shares,
            earlier,
            steadfast,
        })
    }

    /// Whether some segment is of the client map before the one of now.
    #[must_use]
    pub const fn has_earlier(&self) -> bool {
        self.earlier > 0
    }

    /// Whether all clients who have this region first keep it.
    #[must_use]
    #[inline]
    pub fn is_steadfast(&self, region: u8) -> bool {
        let word = self.steadfast.get(usize::from(region) / 64);
        word.is_some_and(|word| word >> (region % 64) & 1 == 1)
    }

    /// For how many seconds an answer may count on the epoch of the block of this draw word.
    pub(super) fn left(&self, word: u64) -> f64 {
        self.cohort(word).map_or(0.0, |cohort| cohort.left)
    }

    /// The region that the block of this draw word has kept; none for what is decided now.
    pub(super) fn kept(&self, word: u64, lists: Lists<'_>, all: &[Positions]) -> Option<u8> {
        let last = self.segments.len() - 1;
        let mut at = usize::from(self.cohort(word)?.start);
        while at < last {
            let regions = if at < self.earlier {
                lists.then
            } else {
                lists.now
            };
            let region = self.decided(at, regions, word, all);
            at += 1;
            let Some(region) = region else { continue };
            // The segments from `at` on in which it did not serve.
            let lost = !self.served_in(region) >> at;
            at += lost.trailing_zeros() as usize;
            if at > last {
                return Some(region);
            }
        }
        None
    }

    /// The region that such a block was given in a segment; none where none served.
    fn decided(&self, at: usize, regions: &[u8], word: u64, all: &[Positions]) -> Option<u8> {
        let serves = |region: u8| self.served_in(region) >> at & 1 == 1;
        let rank = regions.iter().position(|region| serves(*region))?;
        let home = *regions.get(rank)?;
        let later = regions.get(rank + 1..).unwrap_or_default();
        let Some(second) = later.first().copied() else {
            return Some(home);
        };
        let own = self.share(at, home);
        let spill_ratio = own.map_or(0.0, |own| own.spill_ratio);
        let positions = own.map_or(NONE, |own| own.positions);
        let draw = draw_of_word(word);
        let position = all.get(positions as usize).map_or(draw, |own| own.of(word));
        if position < spill_ratio {
            let takes = |region: &u8| {
                let taken = self
                    .share(at, *region)
                    .is_some_and(|own| own.spill_ratio == 0.0 && position < own.accept_ratio);
                serves(*region) && taken
            };
            return Some({ later.iter().copied() }.find(takes).unwrap_or(home));
        }
        let trickle = self.segments.get(at).map_or(0.0, |segment| segment.trickle);
        let off = |own: &SegmentShareRecord| own.spill_off;
        let trickles = rank == 0 && draw >= 1.0 - trickle && !own.is_some_and(off);
        let full = |own: &SegmentShareRecord| own.spill_ratio > 0.0 || own.spill_off;
        if trickles && serves(second) && !self.share(at, second).is_some_and(full) {
            return Some(second);
        }
        Some(home)
    }

    /// What a region sent on and took in a segment; none where that was nothing.
    fn share(&self, at: usize, region: u8) -> Option<&SegmentShareRecord> {
        let place = |share: &SegmentShareRecord| (usize::from(share.segment), share.region);
        let found = self.shares.binary_search_by_key(&(at, region), place);
        found.ok().and_then(|index| self.shares.get(index))
    }

    fn served_in(&self, region: u8) -> u64 {
        let served = self.served.get(usize::from(region));
        served.copied().unwrap_or_default()
    }

    fn cohort(&self, word: u64) -> Option<&CohortRecord> {
        self.cohorts.get((mix_word(word ^ SEED) >> 58) as usize)
    }
}

//! Whether anything of a preference list serves.

use super::Steering;
use crate::geo::PreferenceList;

impl Steering {
    /// Whether one of these regions of a service serves.
    #[must_use]
    pub fn any_serves(&self, number: u32, preference: PreferenceList<'_>) -> bool {
        let regions = self.regions_of(number);
        { preference.iter() }.any(|region| {
            let state = self.state(regions, region);
            state.is_some_and(|state| state.status.serves)
        })
    }
}

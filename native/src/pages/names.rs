//! The names of the samples that matter, to tell at a glance that a line has none of them.

/// Octets by which most lines are told apart from those that matter.
const GLANCE: usize = 8;

/// Names of so many octets at least, by how they begin.
pub struct Names {
    groups: Vec<Group>,
}

struct Group {
    beginning: u64,
    /// What follows on the beginning.
    rests: Vec<Box<[u8]>>,
}

impl Names {
    /// Those of the lines of `text`; None where one of them is too short.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut groups: Vec<Group> = Vec::new();
        for name in lines(text) {
            let (beginning, rest) = split(name)?;
            match groups.iter_mut().find(|g| g.beginning == beginning) {
                Some(group) => group.rests.push(rest.into()),
                None => groups.push(Group {
                    beginning,
                    rests: vec![rest.into()],
                }),
            }
        }
        Some(Self { groups })
    }

    /// Whether `line` begins with one of them, and labels or a value follow.
    pub fn begin(&self, line: &[u8]) -> bool {
        let Some((beginning, rest)) = split(line) else {
            return false;
        };
        self.groups
            .iter()
            .find(|group| group.beginning == beginning)
            .is_some_and(|group| group.rests.iter().any(|name| begins(rest, name)))
    }
}

/// The lines of `text`, each of which has its end.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&octet| octet == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
}

fn split(line: &[u8]) -> Option<(u64, &[u8])> {
    let (beginning, rest) = line.split_first_chunk::<GLANCE>()?;
    Some((u64::from_ne_bytes(*beginning), rest))
}

fn begins(rest: &[u8], name: &[u8]) -> bool {
    let follows = rest.get(name.len());
    // The octet that has to follow is a glance, too, and tells most of them apart.
    matches!(follows, Some(b'{' | b' ' | b'\t')) && rest.starts_with(name)
}

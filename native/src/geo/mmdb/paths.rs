//! That no path of a search tree is longer than an address: by the order of its nodes, by one reading
//! of them in any order that goes forward, or by following every path.

use super::tree::Tree;
use super::{File, Refused};

/// Whether nodes stand in the order in which a walk comes to them, each behind the one that leads to
/// it and all of the lower half before the upper one, as writers mostly number them.
///
/// Then each is led to once, and how deep it stands is known by the way. Edges into the IPv4 subtree
/// from elsewhere are let be.
pub struct Preorder {
    /// Nodes that the walk has yet to come to, the next one last, with how deep each stands: one for
    /// each bit of a path, and the next.
    due: [(u32, u8); 2 + LONGEST as usize],
    waiting: usize,
    ipv4: Option<u32>,
    /// How many nodes there are.
    count: u32,
}

impl Preorder {
    /// Before the first node. None for a tree that is all IPv4's, and says that it is not.
    #[must_use]
    pub fn new(file: &File<'_>) -> Option<Self> {
        let ipv4 = ipv4_subtree(&file.tree, file.ip_version);
        (ipv4 != Some(0)).then(|| Self {
            due: [(0, root_depth(file.ip_version)); 2 + LONGEST as usize],
            waiting: 1,
            ipv4,
            count: file.tree.count(),
        })
    }

    /// Come to the next node with these records; None from then on where another is due, or a path is
    /// too long.
    #[inline]
    pub fn follow(walk: &mut Option<Self>, node: u32, records: [u32; 2]) {
        if let Some(known) = walk
            && known.visit(node, records).is_none()
        {
            *walk = None;
        }
    }

    /// Whether it has come to all nodes.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.waiting == 0
    }

    #[inline]
    fn visit(&mut self, node: u32, [low, high]: [u32; 2]) -> Option<()> {
        self.waiting = self.waiting.checked_sub(1)?;
        let (due, depth) = *self.due.get(self.waiting)?;
        if due != node || depth >= LONGEST {
            return None;
        }
        self.lead(high, depth, false)?;
        self.lead(low, depth, true)
    }

    /// Note where a record leads from a node that stands so deep.
    #[inline]
    fn lead(&mut self, record: u32, depth: u8, low: bool) -> Option<()> {
        if Some(record) == self.ipv4 && !(low && depth + 1 == IPV4) {
            return (depth < IPV4).then_some(());
        }
        // Put down whether or not it is a node, as that could not be foreseen, and kept if it is.
        *self.due.get_mut(self.waiting)? = (record, depth + 1);
        self.waiting += usize::from(record < self.count);
        Some(())
    }
}

/// How deep the root of a tree stands, counted as in an IPv6 tree.
const fn root_depth(ip_version: u8) -> u8 {
    if ip_version == 4 { IPV4 } else { 0 }
}

/// The node where the IPv4 subtree of an IPv6 tree begins, if it is one.
fn ipv4_subtree(tree: &Tree<'_>, ip_version: u8) -> Option<u32> {
    let start = tree.ipv4_start(ip_version);
    (ip_version == 6 && start < tree.count()).then_some(start)
}

/// Whether one more reading of the nodes, in whatever order those stand behind the ones that lead to
/// them, shows that no path is too long.
#[must_use]
pub fn paths_end(file: &File<'_>) -> bool {
    let tree = &file.tree;
    let Some(mut depths) = Depths::new(tree, file.ip_version) else {
        return false;
    };
    tree.nodes(0, tree.count()).all(|(node, records)| {
        let mut below = records.into_iter().filter(|record| *record < tree.count());
        below.all(|record| depths.follow(node, record))
    })
}

/// Where the IPv4 subtree begins, and IPv4's own tree; and so many bits has an address.
const IPV4: u8 = 96;
const LONGEST: u8 = 128;

/// How deep nodes stand, as one reading of them in their order shows.
///
/// It shows where each node stands behind the only one that leads to it, as writers lay trees out;
/// of any other tree nothing is known by it. Edges into the IPv4 subtree are let be.
struct Depths {
    /// By node: the bits that have been followed there, counted as in an IPv6 tree.
    depths: Vec<u8>,
    ipv4: Option<u32>,
}

impl Depths {
    /// What stands for a node that no path has led to yet.
    const UNREACHED: u8 = u8::MAX;

    fn new(tree: &Tree<'_>, ip_version: u8) -> Option<Self> {
        let mut depths = vec![Self::UNREACHED; tree.count() as usize];
        *depths.first_mut()? = root_depth(ip_version);
        let ipv4 = ipv4_subtree(tree, ip_version);
        if let Some(ipv4) = ipv4 {
            if ipv4 == 0 {
                return None;
            }
            *depths.get_mut(ipv4 as usize)? = IPV4;
        }
        Some(Self { depths, ipv4 })
    }

    /// Follow the edge from a node to another; false where nothing can be known.
    #[inline]
    fn follow(&mut self, node: u32, below: u32) -> bool {
        let depth = match self.depths.get(node as usize) {
            None | Some(&Self::UNREACHED) => return true,
            Some(depth) => *depth,
        };
        if Some(below) == self.ipv4 {
            return depth < IPV4;
        }
        match self.depths.get_mut(below as usize) {
            Some(known) if *known == Self::UNREACHED && below > node && depth < 127 => {
                *known = depth + 1;
                true
            }
            _ => false,
        }
    }
}

/// Check every path; `tick` hears the part done, from 0 to 1.
///
/// Paths that lead into shared nodes are followed each time, up to eight times the number of
/// nodes: a compiled map would have to hold them all.
pub fn check_paths(file: &File<'_>, tick: impl Fn(f64)) -> Result<(), Refused> {
    let tree = &file.tree;
    let progress = |visits: u64| tick((visits as f64 / f64::from(tree.count())).min(1.0));
    let ipv4 = tree.ipv4_start(file.ip_version);
    if file.ip_version == 4 || ipv4 >= tree.count() {
        let bits = if file.ip_version == 4 { 32 } else { 128 };
        descend(tree, 0, bits, None, 0, progress)?;
    } else {
        // 2002::/16 and others usually lead into the IPv4 subtree again; it is walked once.
        let visits = descend(tree, 0, 128, Some(ipv4), 0, progress)?;
        descend(tree, ipv4, 32, None, visits, progress)?;
    }
    Ok(())
}

/// Follow every path from `start`, level by level; each must end within `bits` bits.
///
/// Edges into `cut` are not followed. `before` counts the nodes visited earlier; returns how
/// many have been by now.
fn descend(
    tree: &Tree<'_>,
    start: u32,
    bits: u8,
    cut: Option<u32>,
    before: u64,
    progress: impl Fn(u64),
) -> Result<u64, Refused> {
    let count = u64::from(tree.count());
    let mut level = vec![start];
    let mut visits = 0;
    for depth in 1..=bits {
        visits += level.len() as u64;
        if visits > 8 * count + 1024 {
            return Err(Refused::because(
                "its search tree has a cycle, or nodes shared beyond reason",
            ));
        }
        let mut below = Vec::with_capacity(level.len());
        for node in level {
            for record in tree.records(node) {
                if Some(record) == cut {
                    if depth > 96 {
                        return Err(Refused::because(
                            "its IPv4 subtree hangs too deep in the search tree",
                        ));
                    }
                } else if record < tree.count() {
                    below.push(record);
                }
            }
        }
        if below.is_empty() {
            return Ok(before + visits);
        }
        level = below;
        progress(before + visits);
    }
    Err(Refused(format!(
        "its search tree has paths longer than {bits} bits: a cycle"
    )))
}

#[cfg(test)]
mod tests {
    use super::super::SEPARATOR;
    use super::super::metadata::Layout;
    use super::super::survey::survey;
    use super::*;

    /// A tree of 24-bit records.
    fn octets(nodes: &[[u32; 2]]) -> Vec<u8> {
        let records = nodes.as_flattened().iter();
        let mut octets: Vec<u8> = records
            .flat_map(|record| record.to_be_bytes().into_iter().skip(1))
            .collect();
        octets.extend([0; SEPARATOR]);
        octets
    }

    /// A path of so many nodes, each the lower or upper half of the one before.
    fn path(nodes: u32, side: usize) -> Vec<[u32; 2]> {
        (1..=nodes)
            .map(|next| {
                let mut records = [nodes; 2];
                if let Some(record) = records.get_mut(side) {
                    *record = next;
                }
                records
            })
            .collect()
    }

    fn file_of(octets: &[u8], nodes: usize, ip_version: u8) -> File<'_> {
        File {
            tree: Tree::new(octets, nodes as u32, 24).unwrap(),
            // All that records name, but for those of no node.
            data: &[0; 64],
            ip_version,
            layout: Layout::City,
        }
    }

    /// Whether one reading shows that all paths end, and whether following them does.
    fn judged(nodes: &[[u32; 2]], ip_version: u8) -> (bool, bool) {
        let octets = octets(nodes);
        let file = file_of(&octets, nodes.len(), ip_version);
        let read = survey(&file, |_| ()).is_ok_and(|found| found.paths_end);
        (read, check_paths(&file, |_| ()).is_ok())
    }

    #[test]
    fn paths_may_be_as_long_as_an_address() {
        for (nodes, ip_version, side, sound) in [
            (1, 4, 0, true),
            (32, 4, 1, true),
            (33, 4, 1, false),
            (128, 6, 1, true),
            (129, 6, 1, false),
            (128, 6, 0, true),
            (129, 6, 0, false),
        ] {
            let found = judged(&path(nodes, side), ip_version);
            assert_eq!(found, (sound, sound), "{nodes} nodes, IPv{ip_version}");
        }
    }

    #[test]
    fn what_one_reading_cannot_tell_is_followed() {
        let none = 3;
        for (nodes, sound) in [
            // Two paths lead to one node.
            (vec![[1, 2], [2, none], [none, none]], true),
            // A node stands before the one that leads to it.
            (vec![[2, none], [none, none], [1, none]], true),
            // A cycle.
            (vec![[1, none], [2, none], [0, none]], false),
        ] {
            assert_eq!(judged(&nodes, 4), (false, sound), "{nodes:?}");
        }
    }

    #[test]
    fn nodes_that_stand_as_a_walk_comes_to_them_are_followed_by_the_way() {
        let none = 7;
        let leaf = [none; 2];
        for (nodes, ip_version, known) in [
            (
                vec![[1, 4], [2, 3], leaf, leaf, [5, 6], leaf, leaf],
                4,
                true,
            ),
            // All of one depth before the next.
            (
                vec![[1, 2], [3, 4], [5, 6], leaf, leaf, leaf, leaf],
                4,
                false,
            ),
            // One is led to twice, one never.
            (
                vec![[1, 4], [2, 3], leaf, leaf, [5, 3], leaf, leaf],
                4,
                false,
            ),
            (
                vec![[1, 4], [2, 0], leaf, leaf, [5, 6], leaf, leaf],
                4,
                false,
            ),
            (path(128, 0), 6, true),
            (path(129, 0), 6, false),
            (path(33, 1), 4, false),
        ] {
            let octets = octets(&nodes);
            let file = file_of(&octets, nodes.len(), ip_version);
            let mut walk = Preorder::new(&file);
            for (node, records) in (0..).zip(&nodes) {
                Preorder::follow(&mut walk, node, *records);
            }
            let ended = walk.is_some_and(|walk| walk.is_over());
            assert_eq!(ended, known, "{nodes:?}");
        }
    }

    #[test]
    fn whatever_one_reading_takes_for_sound_is_sound() {
        let mut state = 1_u64;
        let mut next = |below: u32| {
            state = crate::geo::draws::mix(state.wrapping_add(0x9e37_79b9));
            (state >> 32) as u32 % below
        };
        let mut plain = 0;
        for _ in 0..20_000 {
            let count = 1 + next(12);
            // Mostly a tree in order, with a record now and then that leads anywhere.
            let mut unused = 1;
            let nodes: Vec<[u32; 2]> = (0..count)
                .map(|_| {
                    [(); 2].map(|()| {
                        let chance = next(16);
                        if chance == 0 {
                            next(count + 2)
                        } else if chance < 9 && unused < count {
                            unused += 1;
                            unused - 1
                        } else {
                            count
                        }
                    })
                })
                .collect();
            // And the same as the IPv4 subtree, into which another edge may lead.
            let whole = count + 96;
            let alias = [whole, 96, 97].get(next(3) as usize).copied().unwrap_or(96);
            let above = (1..=96).map(|below| [below, if below == 48 { alias } else { whole }]);
            let moved = nodes
                .iter()
                .map(|records| records.map(|record| record + 96));
            let ipv6: Vec<[u32; 2]> = above.chain(moved).collect();
            for (nodes, ip_version) in [(&nodes, 4), (&nodes, 6), (&ipv6, 6)] {
                let (read, followed) = judged(nodes, ip_version);
                assert!(followed || !read, "{nodes:?}, IPv{ip_version}");
                plain += u32::from(read);
            }
        }
        assert!(plain > 1000, "{plain}");
    }
}

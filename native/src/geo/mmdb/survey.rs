//! The whole search tree: which records of the data section it names, and that no path is
//! longer than an address.

use super::bits::Bits;
use super::tree::Tree;
use super::{File, Refused, SEPARATOR};

/// What a sound tree holds.
pub struct Survey {
    /// Records of the tree that name data.
    pub networks: u64,
    /// The distinct data offsets.
    pub offsets: Bits,
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

/// Check every record of the tree, in order.
pub fn data_offsets(file: &File<'_>) -> Result<Survey, Refused> {
    let (tree, data_size) = (&file.tree, file.data.len());
    let mut found = Survey {
        networks: 0,
        offsets: Bits::new(data_size),
    };
    let first = tree.count() as usize + SEPARATOR;
    for node in 0..tree.count() {
        for record in tree.records(node) {
            if record > tree.count() {
                found.networks += 1;
                match (record as usize).checked_sub(first) {
                    Some(offset) if offset < data_size => found.offsets.insert(offset),
                    _ => {
                        return Err(Refused::because(
                            "its search tree points outside the data section",
                        ));
                    }
                };
            }
        }
    }
    Ok(found)
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

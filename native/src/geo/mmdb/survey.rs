//! The whole search tree: which records of the data section it names, and whether that shows by the
//! way that no path is longer than an address.

use super::bits::Bits;
use super::paths::{Preorder, paths_end};
use super::{File, Refused, SEPARATOR};
use std::thread;

/// What a tree holds.
pub struct Survey {
    /// Records of the tree that name data.
    pub networks: u64,
    /// The distinct data offsets.
    pub offsets: Bits,
    /// Whether it showed by the way that no path is too long; else [`super::paths::check_paths`] tells.
    pub paths_end: bool,
}

/// Check every record of the tree, by two threads; `tick` hears the part done, from 0 to 1.
pub fn survey(file: &File<'_>, tick: impl Fn(f64)) -> Result<Survey, Refused> {
    let count = file.tree.count();
    // One of them follows all nodes besides.
    let middle = (f64::from(count) * FOLLOWING) as u32;
    let mut walk = Preorder::new(file);
    let (lower, upper) = thread::scope(|scope| {
        let other = scope.spawn(|| Named::by(file, middle, count, |_, _| ()));
        let lower = Named::by(file, 0, middle, |node, records| {
            if node.is_multiple_of(TOLD) {
                tick(f64::from(node) / f64::from(count));
            }
            Preorder::follow(&mut walk, node, records);
        });
        for (node, records) in file.tree.nodes(middle, count) {
            Preorder::follow(&mut walk, node, records);
        }
        (lower, other.join())
    });
    let (mut named, upper) = (lower?, upper.map_err(|_| Refused::died())??);
    named.offsets.join(&upper.offsets);
    Ok(Survey {
        networks: named.networks + upper.networks,
        offsets: named.offsets,
        paths_end: walk.is_some_and(|walk| walk.is_over()) || paths_end(file),
    })
}

/// The share of nodes whose records are looked at by the thread that follows all nodes.
const FOLLOWING: f64 = 0.35;

/// What some nodes name of the data section.
struct Named {
    networks: u64,
    offsets: Bits,
}

impl Named {
    /// What the nodes from one to before another name; `each` hears of every node.
    fn by(
        file: &File<'_>,
        from: u32,
        to: u32,
        mut each: impl FnMut(u32, [u32; 2]),
    ) -> Result<Self, Refused> {
        let (count, data_size) = (file.tree.count(), file.data.len());
        let mut named = Self {
            networks: 0,
            offsets: Bits::new(data_size),
        };
        let first = count as usize + SEPARATOR;
        let mut outside = false;
        for (node, records) in file.tree.nodes(from, to) {
            each(node, records);
            for record in records {
                // Without a branch, as none could be foreseen: what names no data counts as the offset
                // behind all of them.
                let (data, offset) = (record > count, (record as usize).wrapping_sub(first));
                let inside = offset < data_size;
                named.networks += u64::from(data);
                outside |= data & !inside;
                let at = if inside { offset } else { data_size };
                named.offsets.insert(at);
            }
        }
        named.offsets.remove(data_size);
        if outside {
            return Err(Refused::because(
                "its search tree points outside the data section",
            ));
        }
        Ok(named)
    }
}

/// How often `tick` is told, in nodes.
const TOLD: u32 = 1 << 16;

//! A reader of MaxMind DB files (format 2.0) that trusts nothing in them.
//!
//! A file is a binary search tree, 16 zero octets, a data section, and metadata behind the
//! last marker. Everything is read by checked access; what loops over a file's own numbers is
//! bounded by the file's size; what nests is counted.

pub mod bits;
pub mod check;
pub mod metadata;
pub mod paths;
pub mod survey;
pub mod tree;
pub mod value;

use metadata::Metadata;
use tree::Tree;

/// Why a database cannot serve, for an operator; without the file's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(pub String);

impl Refused {
    /// A refusal with this reason.
    #[must_use]
    pub fn because(reason: &str) -> Self {
        Self(reason.to_owned())
    }

    /// That of a thread that ended before its work.
    #[must_use]
    pub fn died() -> Self {
        Self::because("a thread of its check died, which is a defect of resolverd")
    }
}

/// Zero octets between the tree and the data section.
pub const SEPARATOR: usize = 16;

/// A file taken apart; nothing in it has been checked yet but its metadata.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// The search tree.
    pub tree: Tree<'a>,
    /// The data section.
    pub data: &'a [u8],
    /// 4 or 6.
    pub ip_version: u8,
    /// How its records say where an address is.
    pub layout: metadata::Layout,
}

impl<'a> File<'a> {
    /// Take `content` apart. Refused where its metadata or its size are wrong.
    pub fn open(content: &'a [u8]) -> Result<Self, Refused> {
        let (before, metadata) = Metadata::read(content)?;
        let tree =
            Tree::new(before, metadata.node_count, metadata.record_size).ok_or_else(|| {
                Refused(format!(
                    "its search tree of {} nodes does not fit into the file",
                    metadata.node_count
                ))
            })?;
        let data = before.get(tree.size() + SEPARATOR..).unwrap_or(&[]);
        Ok(Self {
            tree,
            data,
            ip_version: metadata.ip_version,
            layout: metadata.layout,
        })
    }
}

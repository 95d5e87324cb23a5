//! Nothing of its own: the targets are the three examples beside this folder.

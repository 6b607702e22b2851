//! Shared inputs of the benches, which live beside this folder.

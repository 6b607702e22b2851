//! What each fuzz target does, and the replay of its seeds on stable

//! A program without `std` names what it links.
fn main() {
    println!("cargo:rustc-link-lib=c");
    println!("cargo:rustc-link-lib=gcc_s");
}

//! Links libsrtp.

fn main() {
    println!("cargo:rustc-link-lib=dylib=srtp2");
}

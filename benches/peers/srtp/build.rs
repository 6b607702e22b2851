//! Links libsrtp: that of the system, or the one in `LIBSRTP_DIR`, which `libsrtp.sh` builds.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBSRTP_DIR");
    if let Ok(dir) = std::env::var("LIBSRTP_DIR") {
        println!("cargo:rustc-link-search=native={dir}");
        println!("cargo:rustc-link-lib=static=srtp2");
        println!("cargo:rustc-link-lib=dylib=crypto");
    } else {
        println!("cargo:rustc-link-lib=dylib=srtp2");
    }
}

//! A new migration file must rebuild the crate: the compiler sees only the files that were there before.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}

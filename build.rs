//! Puts the files of `src/web/` into the program, compressed too. A file is known by the end of its name; one of another
//! kind does not belong there, and stops the build.

use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

const FOLDER: &str = "src/web";

/// The end of a name, and the media type.
const KINDS: [(&str, &str); 9] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("webmanifest", "application/manifest+json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    list(&root.join(FOLDER), &mut files);
    files.sort();
    let mut table = String::from("/// All of them.\npub static FILES: &[File] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let name = text(file.strip_prefix(root.join(FOLDER)).expect("it is below"));
        println!("cargo::rerun-if-changed={FOLDER}/{name}");
        let bytes = fs::read(file).unwrap_or_else(|why| panic!("{FOLDER}/{name}: {why}"));
        let compressed = gzip(&bytes);
        let is_shorter = compressed.len() < bytes.len();
        let compressed_file = out.join(format!("web_{number}.gz"));
        fs::write(&compressed_file, compressed).expect("the folder is ours");
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        let gzip = if is_shorter {
            format!("Some(include_bytes!({:?}))", text(&compressed_file))
        } else {
            "None".to_owned()
        };
        writeln!(
            table,
            "    File {{ path: {path:?}, kind: {:?}, tag: {:?}, plain: include_bytes!({:?}), gzip: {gzip} }},",
            kind(name),
            tag(&bytes),
            text(file),
        )
        .expect("a string takes everything");
    }
    table.push_str("];\n");
    fs::write(out.join("web_files.rs"), table).expect("the folder is ours");
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the folders have names in UTF-8")
}

fn kind(name: &str) -> &'static str {
    let end = name.rsplit('.').next().unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| *known == end);
    kind.unwrap_or_else(|| panic!("{FOLDER}/{name}: files of this kind have no media type in build.rs")).1
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

/// The same bytes have the same one, other bytes another one.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

//! The files of the page, which are part of the program: what was in `src/web/` when it was built, and the same compressed.
//! build.rs makes the table.

/// A file, as browsers get it.
#[derive(Debug)]
pub struct File {
    /// Where it is; `/` for index.html.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Of its bytes; without the quotation marks.
    pub tag: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// Its bytes compressed; `None`: that is not shorter.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// The file at this path.
pub fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

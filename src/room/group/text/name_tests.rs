//! Names in files, as data.

use super::tests::check;

#[test]
fn a_name_stands_after_the_role() {
    let ann = b"a@x secret admin\nb@x\tOLD \r\n# end\n";
    check(ann, "name b@x Bob  B.", r"a@x secret admin\nb@x\tOLD member Bob  B. \r\n# end\n");
    check(ann, "name a@x Ann", r"a@x secret admin Ann\nb@x\tOLD \r\n# end\n");
    check(ann, "name c@x Cid", "NoSuchMember");
    let named = b"a@x secret\tadmin  Ann A. \r\nb@x OLD member\tBob B.\n";
    check(named, "name a@x Nan", r"a@x secret\tadmin  Nan \r\nb@x OLD member\tBob B.\n");
    check(named, "name b@x", r"a@x secret\tadmin  Ann A. \r\nb@x OLD\n");
    check(named, "name a@x", r"a@x secret\tadmin \r\nb@x OLD member\tBob B.\n");
    check(named, "name b@x Bob B.", r"a@x secret\tadmin  Ann A. \r\nb@x OLD member\tBob B.\n");
    // What is beside it changes alone.
    check(named, "reset b@x", r"a@x secret\tadmin  Ann A. \r\nb@x NEW member\tBob B.\n");
    check(named, "promote b@x", r"a@x secret\tadmin  Ann A. \r\nb@x OLD admin\tBob B.\n");
    check(b"a@x secret admin\nb@x OLD  admin B\n", "demote b@x", r"a@x secret admin\nb@x OLD  member B\n");
}

#[test]
fn nobody_looks_like_somebody_else() {
    let file = b"ann@x secret admin Nan\nb@x OLD\n".as_slice();
    for name in ["Nan", "nan", "N\u{430}n"] {
        check(file, &format!("name b@x {name}"), "NameTaken");
    }
    // What others call a member by the mail.
    check(file, "name b@x ANN", "NameTaken");
    check(file, "name ann@x Ann", r"ann@x secret admin Ann\nb@x OLD\n");
    check(
        b"ann@x secret admin Max\nb@x OLD member Rnax\n",
        "",
        "m:2: the name of b@x looks like that of ann@x (in line 1)",
    );
    let hidden = "a@x secret admin N\u{202e}an\n";
    check(
        hidden.as_bytes(),
        "",
        "m:1: after the role of a@x only a name may follow: a name may not contain U+202E, which is not shown",
    );
}

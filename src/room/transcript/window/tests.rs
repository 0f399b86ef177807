use crate::protocol::{Mail, Text};
use crate::room::transcript::window::*;

fn say(transcript: &mut Transcript, text: &str) -> Placed {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let text = Text::parse(text.as_bytes()).expect("a text");
    transcript.append(Time::from_unix_ms(0), Event::Msg { mail, text })
}

fn whole(transcript: &Transcript, from: Pos, to: Pos) -> String {
    let mut out = Vec::new();
    let mut at = from;
    while at < to {
        let piece = transcript.window_slice(at, to);
        out.extend_from_slice(piece);
        at = at.plus(piece.len());
    }
    String::from_utf8(out).expect("text")
}

#[test]
fn lines_stay_whole_while_the_window_moves() {
    let mut transcript = Transcript::new(300);
    let mut spoken = Vec::new();
    for n in 0..200 {
        let placed = say(&mut transcript, &"x".repeat(n % 40));
        spoken.push(placed);
        transcript.set_durable(placed.end);
        assert!(transcript.bytes.len() <= 300);
        let first = usize::try_from(transcript.first().0).expect("small") - 1;
        assert_eq!(spoken[first].start, transcript.base());
        for line in &spoken[first..] {
            let text = whole(&transcript, line.start, line.end);
            assert!(text.starts_with(&format!("MSG {} 1970", line.seq)) && text.ends_with('\n'));
            assert_eq!(transcript.line_end(line.start), line.start);
            assert_eq!(transcript.line_end(line.start.plus(1)), line.end);
            assert_eq!(transcript.line_end(line.end), line.end);
        }
    }
    assert!(transcript.base() > Pos(0));
}

#[test]
fn what_is_not_durable_is_kept_or_taken_back() {
    let mut transcript = Transcript::new(100);
    let first = say(&mut transcript, "first");
    transcript.set_durable(first.end);
    for _ in 0..10 {
        say(&mut transcript, "unsafe and larger than the window");
    }
    assert!(transcript.base() <= first.end && transcript.end() > first.end.plus(100));
    assert_eq!(transcript.durable_last(), Seq(1));
    transcript.cut_back();
    assert_eq!((transcript.end(), transcript.line_end(transcript.end())), (first.end, first.end));
    assert_eq!(say(&mut transcript, "again").seq, Seq(2));
}

#[test]
fn the_window_is_allocated_once() {
    let window = 10_000;
    let new = Transcript::new(window);
    let line = b"MSG 1 1970-01-01T00:00:00.000Z ann@x hello\n".to_vec();
    let tail = Tail { base: Pos(0), bytes: line, last: Seq(1), last_time: Time::default() };
    let restored = Transcript::restore(window, Seq(1), Pos(0), tail);
    for mut transcript in [new, restored] {
        let room = transcript.bytes.capacity();
        assert!(room <= window + window / 8, "{room}");
        // What gathers while the disk works: half a window.
        while transcript.end().since(Pos(0)) < 3 * window {
            let before = transcript.end();
            while transcript.end().since(before) < window / 2 {
                say(&mut transcript, "some words of no importance");
            }
            transcript.set_durable(transcript.end());
            assert_eq!(transcript.bytes.capacity(), room);
        }
    }
}

#[test]
fn what_is_in_memory_is_kept_though_its_file_is_dropped() {
    let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0), last_time: Time::default() };
    let mut transcript = Transcript::restore(300, Seq(1), Pos(0), tail);
    let placed: Vec<Placed> = (0..20).map(|_| say(&mut transcript, "hello")).collect();
    transcript.set_durable(transcript.end());
    transcript.set_past(Seq(11), placed[10].start);
    assert_eq!((transcript.first(), transcript.oldest()), (Seq(1), Pos(0)));
    for _ in 0..20 {
        let placed = say(&mut transcript, "hello");
        transcript.set_durable(placed.end);
    }
    assert_eq!((transcript.first(), transcript.oldest()), (Seq(11), placed[10].start));
    assert!(transcript.base() > transcript.oldest());
}

#[test]
fn a_time_that_was_not_stored_is_no_times_before() {
    let mut transcript = Transcript::new(1000);
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let added = |transcript: &mut Transcript, ms| {
        let event = Event::Added { by: crate::protocol::Author::HandEdit, mail: mail.clone() };
        transcript.append(Time::from_unix_ms(ms), event)
    };
    let placed = added(&mut transcript, 5_000);
    assert_eq!(added(&mut transcript, 40_000).time.unix_ms(), 40_000);
    transcript.set_durable(placed.end);
    transcript.cut_back();
    assert_eq!(
        [5_000, 3_000, 9_000].map(|ms| added(&mut transcript, ms).time.unix_ms()),
        [5_000, 5_000, 9_000]
    );
}

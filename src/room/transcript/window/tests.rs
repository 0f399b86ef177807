use crate::protocol::{Event, EventLine, Mail, Text};
use crate::room::transcript::window::*;

fn say(transcript: &mut Transcript, text: &str) -> Placed {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let text = Text::parse(text.as_bytes()).expect("a text");
    append(transcript, Event::Msg { mail, text })
}

/// One committed event more.
pub(crate) fn append(transcript: &mut Transcript, event: Event<'_>) -> Placed {
    let (start, seq, time) = (transcript.end(), transcript.last().next(), Time::from_unix_ms(0));
    let mut line = Vec::new();
    EventLine { seq, time, event }.write(&mut line);
    transcript.append(&line);
    transcript.check();
    Placed { start, end: transcript.end(), seq, time }
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
fn lines_that_do_not_fit_are_all_there_until_the_next_ones_come() {
    let mut transcript = Transcript::new(100);
    say(&mut transcript, "first");
    let lines: Vec<u8> = (2..20u64)
        .flat_map(|n| format!("MSG {n} 1970-01-01T00:00:00.000Z ann@x more than the window\n").into_bytes())
        .collect();
    transcript.append(&lines);
    transcript.check();
    assert_eq!((transcript.first(), transcript.last()), (Seq(2), Seq(19)));
    assert_eq!(whole(&transcript, transcript.base(), transcript.end()).into_bytes(), lines);
    let last = say(&mut transcript, "last");
    assert_eq!((transcript.first(), last.seq), (Seq(20), Seq(20)));
}

#[test]
fn the_window_is_allocated_once() {
    let window = 10_000;
    let new = Transcript::new(window);
    let line = b"MSG 1 1970-01-01T00:00:00.000Z ann@x hello\n".to_vec();
    let tail = Tail { base: Pos(0), bytes: line, last: Seq(1) };
    let restored = Transcript::restore(window, Seq(1), Pos(0), tail);
    for mut transcript in [new, restored] {
        let room = transcript.bytes.capacity();
        assert!(room <= window + window / 8, "{room}");
        while transcript.end().since(Pos(0)) < 3 * window {
            say(&mut transcript, "some words of no importance");
            assert_eq!(transcript.bytes.capacity(), room);
        }
    }
}

#[test]
fn what_is_in_memory_is_kept_though_its_file_is_dropped() {
    let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0) };
    let mut transcript = Transcript::restore(1000, Seq(1), Pos(0), tail);
    let placed: Vec<Placed> = (0..20).map(|_| say(&mut transcript, "hello")).collect();
    transcript.set_past(Seq(11), placed[10].start);
    assert_eq!((transcript.first(), transcript.oldest()), (Seq(1), Pos(0)));
    for _ in 0..20 {
        say(&mut transcript, "hello");
    }
    assert_eq!((transcript.first(), transcript.oldest()), (Seq(11), placed[10].start));
    assert!(transcript.base() > transcript.oldest());
}

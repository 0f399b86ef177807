//! The words of invitations. A word is a head (until when it is good, the mark of whoever has invited, and the last event
//! then) and a keyed MAC over that, the transcript's id, and both mails, in URL-safe base 64. So the server remembers no
//! invitations, and whoever has one alone knows neither the mails nor anything else from it.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::limits::{INVITE_LIFE, INVITE_WORD_MAX};
use crate::protocol::{InviteWord, Mail, Seq, Time};
use crate::room::{Invitation, InviteJob, JoinJob, Mark};
use crate::server::auth::tokens::{Tokens, is_alive};

/// Bytes of the end: whole hours since 1970.
const END_LEN: usize = 3;
const MARK_LEN: usize = 2;
/// Bytes of the number of an event: the first of these that holds it. With all others they make words without a rest.
const NUMBER_LENS: [usize; 3] = [3, 6, 9];
/// Bytes of the MAC. Each try costs a hash of a password, some dozens a second: nobody guesses 80 bits in a week.
const MAC_LEN: usize = 10;
const LEN_MAX: usize = END_LEN + MARK_LEN + 9 + MAC_LEN;
const SECONDS_PER_HOUR: u64 = 60 * 60;

const _: () = assert!((END_LEN + MARK_LEN + MAC_LEN).is_multiple_of(3) && LEN_MAX * 4 / 3 <= INVITE_WORD_MAX);

impl Tokens {
    /// The word of this invitation, good for [`INVITE_LIFE`], rounded up to an hour.
    pub fn invite(&self, job: &InviteJob, now: Time) -> InviteWord {
        let end = (now.unix_ms() / 1000 + INVITE_LIFE.as_secs()).div_ceil(SECONDS_PER_HOUR);
        let mut bytes = Vec::with_capacity(LEN_MAX);
        bytes.extend_from_slice(&end.to_be_bytes()[8 - END_LEN..]);
        bytes.extend_from_slice(&Mark::of(&job.by).0);
        let mut made = [0; 9];
        made[1..].copy_from_slice(&job.made.0.to_be_bytes());
        let fits = |len: &&usize| made[..made.len() - **len].iter().all(|&byte| byte == 0);
        let len = NUMBER_LENS.iter().find(fits).expect("nine bytes hold any number");
        bytes.extend_from_slice(&made[made.len() - len..]);
        let mac = self.mac_of_invitation(job.transcript, &job.mail, &job.by, &bytes);
        bytes.extend_from_slice(&mac[..MAC_LEN]);
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(&Zeroizing::new(bytes)));
        InviteWord::parse(text.as_bytes()).expect("URL-safe characters")
    }

    /// What the word says, if it is of this mail and still good. `admins` gives those with a mark.
    pub fn read_invitation<'a, A: Iterator<Item = &'a Mail>>(
        &self,
        job: &JoinJob,
        admins: impl FnOnce(Mark) -> A,
        now: Time,
    ) -> Option<Invitation> {
        let mut buf = Zeroizing::new([0; LEN_MAX]);
        let bytes = Base64UrlUnpadded::decode(job.word.expose(), buf.as_mut()).ok()?;
        let (head, mac) = bytes.split_last_chunk::<MAC_LEN>()?;
        let (end, rest) = head.split_first_chunk::<END_LEN>()?;
        let (mark, made) = rest.split_first_chunk::<MARK_LEN>()?;
        if !NUMBER_LENS.contains(&made.len()) {
            return None;
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| number << 8 | u128::from(byte));
        let made = Seq(u64::try_from(number(made)).ok()?);
        let end = u64::try_from(number(end)).ok()? * SECONDS_PER_HOUR;
        let is_by = |by: &&Mail| {
            let computed = self.mac_of_invitation(job.transcript, &job.mail, by, head);
            bool::from(computed[..MAC_LEN].ct_eq(mac))
        };
        let by = admins(Mark(*mark)).find(is_by).filter(|_| is_alive(end, now, INVITE_LIFE))?;
        Some(Invitation { by: by.clone(), made })
    }

    fn mac_of_invitation(&self, transcript: u32, mail: &Mail, by: &Mail, head: &[u8]) -> Zeroizing<[u8; 32]> {
        let (mail, by) = (mail.as_str().as_bytes(), by.as_str().as_bytes());
        // A token's MAC begins with a mail, which this word is not.
        self.mac_of(&[b"invitation", &transcript.to_le_bytes(), mail, by, head])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CLOCK_EPOCH;
    use crate::protocol::Password;
    use crate::room::ConnId;

    const CONN: ConnId = ConnId { slot: 0, serial: 1 };

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    fn after(hours: u64) -> Time {
        Time::from_unix_ms(CLOCK_EPOCH + hours * 60 * 60 * 1000)
    }

    fn tokens() -> Tokens {
        Tokens::new(Zeroizing::new([7; 32]))
    }

    fn word(made: u64) -> InviteWord {
        let job =
            InviteJob { conn: CONN, mail: mail("kim@x"), by: mail("ann@x"), made: Seq(made), transcript: 9 };
        tokens().invite(&job, after(0))
    }

    /// Who has invited and when, if it is `whom` who is invited in this transcript.
    fn read(tokens: &Tokens, word: &str, whom: &str, transcript: u32, now: Time) -> Option<(String, u64)> {
        let word = InviteWord::parse(word.as_bytes())?;
        let password = Password::parse(b"secret").expect("a password");
        let job = JoinJob { conn: CONN, mail: mail(whom), word, password, transcript };
        let admins = [mail("ann@x"), mail("bob@x")];
        let marked = |mark| admins.iter().filter(move |admin| Mark::of(admin) == mark);
        let Invitation { by, made } = tokens.read_invitation(&job, marked, now)?;
        Some((by.to_string(), made.0))
    }

    #[test]
    fn a_word_is_of_one_mail_one_transcript_one_key_and_seven_days() {
        let word = word(7);
        let word = word.expose();
        assert_eq!(word.len(), 24);
        let good = Some(("ann@x".to_owned(), 7));
        for (whom, transcript, hours, expected) in [
            ("kim@x", 9, 0, &good),
            ("kim@x", 9, 7 * 24 - 1, &good),
            ("kim@x", 9, 7 * 24 + 1, &None),
            ("bob@x", 9, 0, &None),
            ("kim@x", 8, 0, &None),
        ] {
            let read = read(&tokens(), word, whom, transcript, after(hours));
            assert_eq!(read, *expected, "{whom} {transcript} {hours}");
        }
        assert_eq!(read(&Tokens::new(Zeroizing::new([8; 32])), word, "kim@x", 9, after(0)), None);
        // The clock was ahead by a week and a day when it was made.
        let late =
            InviteJob { conn: CONN, mail: mail("kim@x"), by: mail("ann@x"), made: Seq(7), transcript: 9 };
        let late = tokens().invite(&late, after(8 * 24));
        assert_eq!(read(&tokens(), late.expose(), "kim@x", 9, after(0)), None);
    }

    #[test]
    fn any_number_fits() {
        for (made, len) in [(0, 24), (0xff_ffff, 24), (0x100_0000, 28), (1 << 48, 32), (u64::MAX, 32)] {
            let word = word(made);
            assert_eq!(word.expose().len(), len, "{made}");
            let read = read(&tokens(), word.expose(), "kim@x", 9, after(0));
            assert_eq!(read, Some(("ann@x".to_owned(), made)));
        }
    }

    #[test]
    fn no_other_word_is_good() {
        let word = word(7);
        let right = word.expose();
        let changed = (0..right.len()).map(|at| {
            let other = if right.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &right[..at], &right[at + 1..])
        });
        let lengths =
            [&right[..23], &right[..20], &right[..8], "A", "-", &right.repeat(2)].map(str::to_owned);
        for text in changed.chain(lengths) {
            assert_eq!(read(&tokens(), &text, "kim@x", 9, after(0)), None, "{text}");
        }
    }
}

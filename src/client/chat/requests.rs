//! Requests to the server: what a typed command asks for, and what the answer means.

use zeroize::Zeroizing;

use super::Chat;
use super::commands::{Command, Passwords, Purpose};
use super::find::Find;
use super::history::Pages;
use super::invite;
use super::lists::{List, Of, stat};
use super::out::{Asked, Effect};
use super::view::{self, alarm, not_connected, notice};
use crate::client::connection::said::{Happened, Refusal};
use crate::protocol::{
    Announce, Code, FindOk, HistoryOk, InviteOk, Mail, MemberLine, More, Password, Role, Verb, skipped,
};

impl Chat {
    /// Carries out a command.
    pub(super) fn carry_out(&mut self, command: Command) {
        let Chat { transcript, out, .. } = self;
        match command {
            Command::Clear => out.push(Effect::Clear),
            Command::Help => view::help().into_iter().for_each(|line| out.print(line)),
            Command::Bell(when) => transcript.set_bell(when, out),
            _ if !out.connection.is_up() => out.print(not_connected()),
            Command::Password(purpose, Some(passwords)) => self.give(purpose, &passwords),
            Command::Remove(mail) => {
                out.ask(Asked::Remove(mail.clone()), Verb::Remove, mail.as_str());
            }
            Command::Role(mail, role) => {
                let verb = if role == Role::Admin { Verb::Promote } else { Verb::Demote };
                out.ask(Asked::Role(mail.clone(), role), verb, mail.as_str());
            }
            Command::Leave => out.ask(Asked::Leave, Verb::Leave, ""),
            Command::Name(Some(name)) if name == transcript.names.mine() => {
                out.print(notice("nothing has changed"));
            }
            Command::Name(Some(name)) => out.ask(Asked::Name, Verb::Name, &name),
            Command::Invite(mail) => {
                let words = mail.to_string();
                out.ask(Asked::Invite(mail), Verb::Invite, &words);
            }
            Command::Title(Some(title)) => out.ask(Asked::Title, Verb::Title, &title),
            Command::Title(None) => out.print(notice(match &transcript.title[..] {
                "" => "the group has no title; /title TEXT gives it one, if you are an admin".to_owned(),
                title => format!("the group is called {title}"),
            })),
            Command::Announce(mode) => {
                out.ask(Asked::Announce(mode), Verb::Announce, mode.map_or("", Announce::word));
            }
            Command::Name(None) => out.print(notice(match transcript.names.mine() {
                "" => "you have no name but your mail; /name TEXT gives you one".to_owned(),
                name => format!("you are called {name}; /name - takes that away"),
            })),
            Command::Who => self.ask_list(List::new(Of::Who), None),
            Command::Members => self.ask_list(List::new(Of::Members), None),
            Command::Stats => out.ask(Asked::Stats, Verb::Stats, ""),
            Command::Skip if out.connection.numbers.left() > 0 => {
                let skipped = out.connection.numbers.skip_left();
                out.print(notice(format!("{skipped} not shown; /history {skipped} shows them")));
                transcript.give_up_lost(out);
                transcript.ask_names(out);
            }
            Command::Skip => out.ask(Asked::Skip, Verb::Skip, ""),
            Command::History(lines, before) => {
                let (pages, words) = Pages::new(lines, before, out.connection.numbers.end());
                out.ask(Asked::History(pages), Verb::History, &words);
            }
            Command::Find(text) => match text.map(Find::new).or_else(|| self.finds.take()) {
                Some(find) => {
                    let words = find.words();
                    out.ask(Asked::Find(find), Verb::Find, &words);
                }
                None => out.print(alarm("/find: there is nothing to go on with; type it as /find TEXT")),
            },
            Command::Info(Some(seq)) => self.ask_list(List::new(Of::Info(seq)), None),
            // The last one has no number yet.
            Command::Info(None) if transcript.outbox.lines().len() > 0 => transcript.info_waits = true,
            Command::Info(None) => self.info_of_last(),
            // The prompt asks for a password, and the chat ends by itself.
            Command::Password(_, None) | Command::Quit => {}
        }
    }

    /// Gives the server a password.
    fn give(&mut self, purpose: Purpose, Passwords { old, new }: &Passwords) {
        let (verb, first) = match &purpose {
            Purpose::Add(mail) => (Verb::Add, mail.as_str()),
            Purpose::Reset(mail) => (Verb::Reset, mail.as_str()),
            Purpose::Passwd => (Verb::Passwd, old.as_ref().map_or("", Password::expose)),
        };
        let words = Zeroizing::new([first, " ", new.expose()].concat());
        self.out.ask(Asked::Password(purpose.clone(), new.clone()), verb, &words);
        self.prompt.wait_for(purpose);
    }

    /// The person has seen enough of /history. Whether there was more to come.
    pub(super) fn stop_history(&mut self) -> bool {
        let mut stopped = false;
        for asked in self.out.connection.unanswered() {
            if let Asked::History(pages) = asked {
                stopped |= pages.stop();
            }
        }
        stopped
    }

    /// /info about my last message, once everything that I said is answered.
    pub(super) fn info_of_last(&mut self) {
        self.transcript.info_waits = false;
        match self.transcript.my_last {
            Some(seq) => self.ask_list(List::new(Of::Info(seq)), None),
            None => self.out.print(alarm("/info: you have said nothing yet; /history shows the numbers")),
        }
    }

    /// The page of a list after this mail, or the first.
    fn ask_list(&mut self, list: List, after: Option<&Mail>) {
        let (verb, words) = list.command(after);
        self.out.ask(Asked::List(list), verb, &words);
    }

    /// An event of the answer that is coming.
    pub(super) fn of_page(&mut self, event: &Happened<'_>) {
        let Chat { transcript, out, .. } = self;
        let is_wanted = match out.connection.answering() {
            Some(Asked::History(pages)) => pages.take(event.seq),
            Some(Asked::Find(_)) => true,
            Some(&mut Asked::LeadIn(last)) => return transcript.show_before(event, last, out),
            _ => false,
        };
        if is_wanted {
            transcript.show_again(event, out);
        }
    }

    /// A line of the answer that is coming.
    pub(super) fn listed(&mut self, text: String) {
        match self.out.connection.answering() {
            Some(Asked::List(list)) => list.add(text),
            Some(Asked::Names(_)) => {
                if let Some(MemberLine { mail, name, .. }) = MemberLine::parse(&text) {
                    self.transcript.names.call(&mail, name);
                }
            }
            Some(Asked::Stats) => self.print(stat(&text)),
            // Newer than this client.
            _ => {}
        }
    }

    /// An answer has ended.
    pub(super) fn answered(&mut self, asked: Asked, outcome: Result<String, Refusal>) {
        let Chat { prompt, transcript, out, .. } = self;
        match (asked, outcome) {
            (Asked::Quit, _) => self.leave(Ok(())),
            (Asked::Leave, Ok(_)) => {
                out.print(notice("you have left the group"));
                self.leave(Ok(()));
            }
            (Asked::Message, outcome) => {
                if let Some(text) = transcript.message_answered(outcome, out) {
                    out.push(Effect::GiveBack(text));
                }
            }
            (Asked::Names(pages), outcome) => {
                transcript.names_listed(pages, outcome.ok().and_then(|rest| More::parse(&rest).0), out);
            }
            (Asked::TitleNow, Ok(title)) => transcript.titled(title, out),
            // Everything of STATS is shown, and events tell of the others.
            (Asked::SkipHeld | Asked::TitleNow, Err(_))
            | (Asked::Stats | Asked::Name | Asked::Title | Asked::Announce(Some(_)), Ok(_)) => {}
            (Asked::Announce(None), Ok(mode)) => out.print(notice(match Announce::parse(mode.as_bytes()) {
                Some(Announce::On) => "only admins can speak",
                Some(Announce::Off) | None => "everybody can speak",
            })),
            (Asked::SkipHeld, Ok(rest)) => out.connection.numbers.passed(skipped(&rest)),
            (Asked::Skip, Ok(rest)) => {
                let skipped = skipped(&rest);
                out.print(match skipped {
                    0 => notice("there is nothing left to skip"),
                    skipped => notice(format!("{skipped} not shown")),
                });
                out.connection.numbers.skipped(skipped);
                // They may be among what is not shown.
                transcript.give_up_lost(out);
                if skipped > 0 {
                    transcript.ask_names(out);
                }
            }
            (Asked::LeadIn(_), _) => transcript.lead_in_over(out),
            (Asked::History(pages), Ok(rest)) if pages.is_over(HistoryOk::parse(&rest)) => {
                pages.closing().into_iter().for_each(|line| out.print(line));
            }
            (Asked::History(pages), Ok(_)) => {
                let words = pages.next();
                out.ask(Asked::History(pages), Verb::History, &words);
            }
            (Asked::Find(find), Ok(rest)) => {
                let (next, line) = find.answered(FindOk::parse(&rest));
                self.finds = next;
                if let Some(line) = line {
                    out.print(line);
                }
            }
            (Asked::List(list), Ok(rest)) => match list.next_page(&rest) {
                Some(next) => self.ask_list(list, Some(&next)),
                None => {
                    for line in list.shown(&rest, &transcript.view, &transcript.names) {
                        out.print(line);
                    }
                }
            },
            (Asked::Password(purpose, password), Ok(_)) => {
                prompt.password_accepted(&purpose, &password);
                out.print(notice(match &purpose {
                    Purpose::Add(mail) => format!("{mail} can log in with that password"),
                    Purpose::Reset(mail) => format!("{mail} has the new password now"),
                    Purpose::Passwd => {
                        "your password is changed; your other devices have to log in again".to_owned()
                    }
                }));
                if purpose == Purpose::Passwd {
                    out.push(Effect::NewPassword(password));
                    out.renew_token();
                }
            }
            (Asked::Password(purpose, _), Err(why)) => {
                out.print(view::refused(purpose.typed(), &why));
                let another_may_do = matches!(
                    why.code,
                    Some(Code::BadPassword | Code::BadLogin | Code::Usage | Code::BadText)
                );
                prompt.password_refused(purpose, another_may_do);
            }
            (Asked::Invite(mail), Ok(rest)) => {
                for line in InviteOk::parse(&rest).iter().flat_map(|ok| invite::lines(&mail, ok, &self.reach))
                {
                    out.print(line);
                }
            }
            (Asked::Remove(mail), Ok(_)) => out.print(notice(format!("{mail} is no longer in the group"))),
            (Asked::Role(mail, Role::Admin), Ok(_)) => out.print(notice(format!("{mail} is an admin"))),
            (Asked::Role(mail, Role::Member), Ok(_)) => {
                out.print(notice(format!("{mail} is an ordinary member")));
            }
            (asked, Err(why)) => out.print(view::refused(asked.typed().unwrap_or_default(), &why)),
        }
    }
}

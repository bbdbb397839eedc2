//! Where a signature starts in a stretch of the author's own text.
//!
//! Three grades: the standard's `-- ` line, phrases and footers that programs add, and a block of short lines at the
//! end that names the sender. Called by `quotes`.

use super::blocks;

/// Most lines of a signature that is recognised without the standard's mark.
const LINE_LIMIT: usize = 16;

/// First lines of what programs append, lower-case.
const PROGRAM_PHRASES: [&str; 34] = [
    "sent from my ",
    "sent from mail for windows",
    "sent from yahoo",
    "sent from outlook",
    "sent from proton",
    "sent using ",
    "sent via ",
    "sent with ",
    "get outlook for ",
    "von meinem ",
    "gesendet von ",
    "gesendet mit ",
    "diese nachricht wurde von meinem",
    "envoyé de mon ",
    "envoyé depuis ",
    "enviado desde ",
    "enviado do meu ",
    "enviado de meu ",
    "inviato da ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "skickat från min",
    "sendt fra min",
    "lähetetty ",
    "wysłane z ",
    "odesláno z ",
    "отправлено с ",
    "отправлено из ",
    "从我的",
    "发自我的",
    "iphoneから送信",
    "iphone'umdan gönderildi",
    "do you yahoo",
    "this email was sent from",
];

/// Lines of list footers, lower-case.
const FOOTERS: [&str; 16] = [
    "mailing list",
    "to unsubscribe",
    "unsubscribe from this",
    "you received this message because you are subscribed",
    "you are receiving this because",
    "reply to this email directly",
    "to post to this group",
    "to change your subscription",
    "/mailman/listinfo",
    "um die abonnierung",
    "pour vous désabonner",
    "yahoo! groups links",
    "yahoo! groups sponsor",
    "list archives:",
    "list-unsubscribe",
    "majordomo info at",
];

/// Closing words that stand on a line of their own, lower-case, without their comma.
const CLOSINGS: [&str; 66] = [
    "thanks",
    "thank you",
    "thanks again",
    "many thanks",
    "thanks in advance",
    "thanks and regards",
    "thanks & regards",
    "thanks a lot",
    "thx",
    "cheers",
    "regards",
    "best",
    "best regards",
    "best wishes",
    "all the best",
    "kind regards",
    "warm regards",
    "warmest regards",
    "with kind regards",
    "with best regards",
    "with regards",
    "rgds",
    "br",
    "kr",
    "sincerely",
    "yours sincerely",
    "sincerely yours",
    "yours truly",
    "yours faithfully",
    "yours",
    "respectfully",
    "cordially",
    "take care",
    "ciao",
    "love",
    "mit freundlichen grüßen",
    "mit freundlichen grüssen",
    "mit freundlichem gruß",
    "freundliche grüße",
    "viele grüße",
    "liebe grüße",
    "beste grüße",
    "schöne grüße",
    "gruß",
    "grüße",
    "mfg",
    "lg",
    "vg",
    "cordialement",
    "bien cordialement",
    "bien à vous",
    "amicalement",
    "merci",
    "saludos",
    "un saludo",
    "saludos cordiales",
    "atentamente",
    "gracias",
    "cordiali saluti",
    "saluti",
    "grazie",
    "met vriendelijke groet",
    "groeten",
    "с уважением",
    "спасибо",
    "med vänliga hälsningar",
];

fn is_program_phrase(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['(', '[', '<', '*', '-', '_', ' ']).to_lowercase();
    // A sentence may start like that too: "Sent from my desk, which is easier than …".
    let words = line.split_whitespace().count();
    let is_sentence = words > 10 || line.ends_with('.') && words > 6;
    line.chars().count() <= 90 && !is_sentence && PROGRAM_PHRASES.iter().any(|phrase| line.starts_with(phrase))
}

fn is_footer(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    line.len() <= 200 && FOOTERS.iter().any(|phrase| line.contains(phrase))
}

fn is_closing(line: &str) -> bool {
    let line = line.trim().trim_end_matches([',', '.', '!', ' ', '-', '–', ':']).to_lowercase();
    CLOSINGS.contains(&line.as_str())
}

/// Whether a line can be part of a block of contact data: short and no sentence.
fn is_short(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() <= 64
        && !line.ends_with(['?', '!'])
        && !(line.ends_with('.') && line.split_whitespace().count() > 4)
}

/// A telephone number: seven digits or more and hardly a letter.
fn has_phone(line: &str) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    let letters = line.chars().filter(|character| character.is_alphabetic()).count();
    (7..=16).contains(&digits) && letters <= 12 && !line.contains("://")
}

/// The address of a page or a mailbox.
fn has_address(line: &str) -> bool {
    let lower = line.to_lowercase();
    let is_mailbox =
        |word: &str| word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'));
    lower.contains("http://")
        || lower.contains("https://")
        || lower.contains("www.")
        || lower.split_whitespace().any(is_mailbox)
}

fn has_contact(line: &str) -> bool {
    has_phone(line) || has_address(line)
}

/// Whether the line is the sender's name, or contains the whole of it and little else.
fn names_sender(line: &str, sender: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let line = words(line);
    let sender = words(sender.split('@').next().unwrap_or_default());
    let shared = line.iter().filter(|word| sender.contains(word)).count();
    !line.is_empty() && line.len() <= 8 && (shared == line.len() || shared >= 2)
}

/// The standard's mark, or what mailers made of it.
fn is_mark(line: &str, lines_after: usize) -> bool {
    match line {
        "-- " => lines_after <= 60,
        "--" | "- --" | "- -- " | "—" | "––" | "-- -" => lines_after <= LINE_LIMIT + 8,
        _ => {
            let line = line.trim_end();
            // `--Ann`, `___`, `***`: marks only close to the end.
            (line.starts_with("__") && line.trim_matches('_').is_empty()
                || line == "--"
                || line == "***"
                || line == "~~~")
                && lines_after <= 8
        }
    }
}

/// Index of the line where the signature of `lines` (the author's own text up to its end or to a quote) starts.
/// `sender` is the author's name or address, if known.
pub(super) fn start(lines: &[&str], sender: Option<&str>) -> Option<usize> {
    let end = lines.iter().rposition(|line| !line.trim().is_empty())? + 1;
    let lines = lines.get(..end)?;
    let mut start = lines.iter().enumerate().position(|(at, line)| is_mark(line, end - at - 1) && at + 1 < end);
    // Footers that lists and programs append may follow text without any mark.
    for (at, line) in lines.iter().enumerate().skip(end.saturating_sub(LINE_LIMIT)) {
        if is_program_phrase(line) && end - at <= 6 || is_footer(line) && end - at <= 12 {
            // The rule above a footer belongs to it.
            let mut first = at;
            let mut steps = 0;
            while first > 0 && steps < 3 && !lines.get(first).is_some_and(|line| blocks::is_rule(line)) {
                first -= 1;
                steps += 1;
            }
            let first = if lines.get(first).is_some_and(|line| blocks::is_rule(line)) { first } else { at };
            start = Some(start.map_or(first, |known: usize| known.min(first)));
            break;
        }
    }
    let own_end = start.unwrap_or(end);
    let own = lines.get(..own_end)?;
    block_start(own, sender).or(start)
}

/// A closing with a name, a block that names the sender, or contact data under a rule, at the end of `lines`.
fn block_start(lines: &[&str], sender: Option<&str>) -> Option<usize> {
    let end = lines.iter().rposition(|line| !line.trim().is_empty())? + 1;
    let written = |at: &usize| lines.get(*at).is_some_and(|line| !line.trim().is_empty());
    let window = (0..end).rev().take(3 * LINE_LIMIT).filter(written).take(LINE_LIMIT).last().unwrap_or(end);
    let tail_is_short = |from: usize| lines.get(from..end).is_some_and(|tail| tail.iter().all(|line| is_short(line)));
    let is_after_blank = |at: usize| at == 0 || lines.get(at - 1).is_some_and(|line| line.trim().is_empty());
    let count =
        |from: usize| lines.get(from..end).map_or(0, |tail| tail.iter().filter(|line| !line.trim().is_empty()).count());
    // A rule of dashes with nothing but short lines below.
    let rule = (window..end).find(|&at| {
        lines.get(at).is_some_and(|line| blocks::is_rule(line))
            && at > 0
            && at + 1 < end
            && tail_is_short(at + 1)
            && lines.get(at..end).is_some_and(|tail| tail.iter().any(|line| has_contact(line)))
    });
    // "Best regards," and a name. The closing must not be all there is.
    let closing = (window.max(1)..end).find(|&at| {
        lines.get(at).is_some_and(|line| is_closing(line)) && tail_is_short(at) && count(at) >= 2 && count(at) <= 10
    });
    let named = sender.and_then(|sender| {
        (window.max(1)..end).find(|&at| {
            is_after_blank(at)
                && lines.get(at).is_some_and(|line| names_sender(line, sender))
                && tail_is_short(at)
                && count(at) <= 10
        })
    });
    // Without a name: a last paragraph of contact data and nothing else.
    let paragraph = (window.max(1)..end).rev().find(|&at| is_after_blank(at)).filter(|&at| {
        let tail = lines.get(at..end).unwrap_or_default();
        let contacts = tail.iter().filter(|line| has_contact(line)).count();
        // A list of links or numbers is content; a name with both is a card.
        let is_card = tail.iter().any(|line| has_phone(line)) && tail.iter().any(|line| has_address(line));
        tail_is_short(at) && is_card && tail.len() >= 3 && contacts * 3 >= tail.len() && !has_contact(tail[0])
    });
    [rule, closing, named, paragraph].into_iter().flatten().min()
}

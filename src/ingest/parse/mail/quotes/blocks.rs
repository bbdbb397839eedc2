//! Lines that open a copied message: "-----Original Message-----", a forwarded one, a block of header lines.
//!
//! Pure tests on lines; called by `quotes`.

const ORIGINAL: [&str; 26] = [
    "original message",
    "original appointment",
    "ursprüngliche nachricht",
    "originalnachricht",
    "original-nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "missatge original",
    "oorspronkelijk bericht",
    "originele bericht",
    "oprindelig meddelelse",
    "opprinnelig melding",
    "ursprungligt meddelande",
    "originalmeddelande",
    "alkuperäinen viesti",
    "původní zpráva",
    "oryginalna wiadomość",
    "wiadomość oryginalna",
    "исходное сообщение",
    "original-nachricht",
    "原始邮件",
    "reply message",
];

const FORWARDED: [&str; 24] = [
    "forwarded message",
    "forwarded by",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "weitergeleitet von",
    "anfang der weitergeleiteten",
    "message transféré",
    "message transmis",
    "transféré par",
    "début du message",
    "mensaje reenviado",
    "inicio del mensaje reenviado",
    "messaggio inoltrato",
    "inizio messaggio inoltrato",
    "mensagem encaminhada",
    "doorgestuurd bericht",
    "begin doorgestuurd bericht",
    "vidarebefordrat meddelande",
    "videresendt",
    "välitetty viesti",
    "przekazana wiadomość",
    "пересылаемое сообщение",
    "переслано",
    "转发的邮件",
];

const FROM: [&str; 18] = [
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "lähettäjä",
    "od",
    "от",
    "від",
    "kimden",
    "발신",
    "发件人",
    "寄件者",
    "差出人",
    "från",
    "expéditeur",
];

const OTHERS: [&str; 56] = [
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "envoyé",
    "date d'envoi",
    "à",
    "objet",
    "enviado",
    "enviado el",
    "fecha",
    "para",
    "asunto",
    "inviato",
    "data",
    "a",
    "oggetto",
    "verzonden",
    "aan",
    "onderwerp",
    "skickat",
    "till",
    "ämne",
    "sendt",
    "til",
    "emne",
    "lähetetty",
    "vastaanottaja",
    "aihe",
    "wysłano",
    "do",
    "temat",
    "odesláno",
    "komu",
    "předmět",
    "дата",
    "отправлено",
    "кому",
    "тема",
    "копия",
    "gönderme",
    "kime",
    "konu",
    "enviada em",
    "assunto",
    "发送时间",
    "收件人",
    "主题",
    "送信日時",
    "宛先",
    "件名",
];

/// The text between rules of dashes or underscores, lower-case; `None` without at least two of them in front.
fn inside_rules(line: &str) -> Option<String> {
    let line = line.trim();
    let inner = line.trim_start_matches(['-', '_', '=', '*', ' ', '—', '–']);
    let has_rule = line.starts_with("--") || line.starts_with("__") || line.starts_with("==") || line.starts_with("**");
    let inner = inner.trim_end_matches(['-', '_', '=', '*', ' ', ':', '—', '–']);
    (has_rule && inner.len() <= 120).then(|| inner.to_lowercase())
}

/// `-----Original Message-----` in any language.
pub(super) fn is_original_marker(line: &str) -> bool {
    line.len() < 200 && inside_rules(line).is_some_and(|inner| ORIGINAL.contains(&inner.as_str()))
}

/// `---------- Forwarded message ----------`, `Begin forwarded message:` in any language.
pub(super) fn is_forward_marker(line: &str) -> bool {
    if line.len() >= 200 {
        return false;
    }
    if let Some(inner) = inside_rules(line) {
        return FORWARDED.iter().any(|phrase| inner.starts_with(phrase));
    }
    let line = line.trim();
    if !line.ends_with(':') || line.len() > 60 {
        return false;
    }
    let line = line.to_lowercase();
    FORWARDED.iter().any(|phrase| line.trim_end_matches(':').starts_with(phrase))
}

/// A rule as Outlook and `<hr>` leave it: underscores or dashes and nothing else.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5
        && (line.bytes().all(|byte| byte == b'_')
            || line.bytes().all(|byte| byte == b'-')
            || line.bytes().all(|byte| byte == b'='))
}

enum Field {
    From,
    Other,
}

fn field(line: &str) -> Option<Field> {
    let line = line.trim().trim_start_matches(['*', '_', ' ']);
    let (name, _) = line.split_once([':', '：'])?;
    let name = name.trim().trim_end_matches(['*', '_', ' ', '\u{a0}']).to_lowercase();
    if FROM.contains(&name.as_str()) {
        Some(Field::From)
    } else if OTHERS.contains(&name.as_str()) {
        Some(Field::Other)
    } else {
        None
    }
}

/// How many lines from the start of `lines` are the header block of a copied message (a rule before it included), or
/// `None` when there is none. It needs a sender and two more fields within a few lines.
pub(super) fn header_block(lines: &[&str]) -> Option<usize> {
    let rules = lines.iter().take(3).take_while(|line| is_rule(line) || line.trim().is_empty()).count();
    let first_is_blank = lines.first().is_some_and(|line| line.trim().is_empty());
    let start = if first_is_blank { 0 } else { rules };
    field(lines.get(start)?)?;
    let mut senders = 0;
    let mut others = 0;
    let mut length = start;
    // Continuation lines of long recipient lists stand between the fields.
    let mut unknown = 0;
    for line in lines.get(start..)?.iter().take(14) {
        if line.trim().is_empty() {
            break;
        }
        match field(line) {
            Some(Field::From) => senders += 1,
            Some(Field::Other) => others += 1,
            None => unknown += 1,
        }
        if unknown > 4 {
            break;
        }
        length += 1;
    }
    (senders == 1 && others >= 2).then_some(length)
}

/// Whether a block as Outlook writes it above a reply starts here: the sender, then when it was sent.
pub(super) fn is_outlook_block(lines: &[&str]) -> bool {
    const SENT: [&str; 14] = [
        "sent",
        "gesendet",
        "envoyé",
        "enviado",
        "enviado el",
        "enviada em",
        "inviato",
        "verzonden",
        "skickat",
        "sendt",
        "lähetetty",
        "wysłano",
        "odesláno",
        "отправлено",
    ];
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty() && !is_rule(line));
    let is_from = lines.next().is_some_and(|line| matches!(field(line), Some(Field::From)));
    let name = |line: &&str| {
        let name = line.split_once([':', '：']).map_or("", |(name, _)| name);
        name.trim().trim_matches(['*', '_', ' ', '\u{a0}']).to_lowercase()
    };
    is_from && lines.take(3).any(|line| SENT.contains(&name(line).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        for line in [
            "-----Original Message-----",
            "----- Original Message -----",
            "-----Ursprüngliche Nachricht-----",
            "________ Message d'origine ________",
        ] {
            assert!(is_original_marker(line), "{line}");
        }
        for line in [
            "---------- Forwarded message ----------",
            "Begin forwarded message:",
            "-------- Weitergeleitete Nachricht --------",
            "----- Forwarded by Ann Lee/Example on 01/02/2001 -----",
        ] {
            assert!(is_forward_marker(line), "{line}");
        }
        assert!(!is_original_marker("The original message"));
        assert!(!is_forward_marker("I forwarded message 3 to you"));
    }

    #[test]
    fn header_blocks() {
        assert_eq!(
            header_block(&["From: a@x [mailto:a@x]", "Sent: March-09-12 4:22 PM", "To: Dan", "Subject: x", "", "Hi"]),
            Some(4)
        );
        assert_eq!(
            header_block(&["________________________________", "Von: A", "Gesendet: heute", "An: B", "Betreff: C"]),
            Some(5)
        );
        assert_eq!(header_block(&["*From:* A", "*Sent:* now", "*To:* B"]), Some(3));
        assert_eq!(header_block(&["Date: Thu, 26 Jun 2014", "Subject: Test", "From: abc@x.org", "To: b"]), Some(4));
        assert_eq!(header_block(&["To: do", "Date: soon"]), None);
        assert_eq!(header_block(&["Hello", "From: a", "Sent: b", "To: c"]), None);
    }
}

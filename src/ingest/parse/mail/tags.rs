//! Tags a mail brings along: its mailing list and the labels its owner gave it. Called by `mail`.

use super::headers::Headers;
use super::words;

/// Labels that mail systems set by themselves and that say nothing about the content.
const SYSTEM_LABELS: [&str; 22] = [
    "inbox",
    "sent",
    "sent mail",
    "unread",
    "opened",
    "archived",
    "all mail",
    "draft",
    "drafts",
    "chat",
    "seen",
    "recent",
    "answered",
    "flagged",
    "forwarded",
    "nonjunk",
    "notjunk",
    "$nonjunk",
    "$notjunk",
    "$mdnsent",
    "$forwarded",
    "old",
];

/// The same labels as Gmail writes them in other languages: inbox, sent, opened, unread, archived, drafts. One language
/// a line.
const FOREIGN_SYSTEM_LABELS: &[&str] = &[
    "posteingang|gesendet|gesendete nachrichten|geöffnet|ungelesen|archiviert|entwürfe|entwurf|alle nachrichten",
    "boîte de réception|envoyé|envoyés|messages envoyés|ouvert|ouverts|non lu|non lus|archivé|archivés|brouillon|brouillons|tous les messages",
    "recibidos|bandeja de entrada|enviado|enviados|abierto|abiertos|no leído|no leídos|archivado|archivados|borrador|borradores",
    "posta in arrivo|inviati|posta inviata|aperto|aperti|da leggere|non letto|non letti|archiviato|archiviati|bozza|bozze",
    "caixa de entrada|enviada|enviadas|aberto|aberta|abertos|não lido|não lida|não lidos|não lidas|arquivado|arquivada|arquivados|rascunho|rascunhos",
    "postvak in|verzonden|geopend|ongelezen|gearchiveerd|concept|concepten",
    "innboks|sendt|åpnet|ulest|arkivert|utkast|kladder",
    "indbakke|åbnet|ulæst|arkiveret|kladde",
    "inkorg|inkorgen|skickat|skickade|öppnat|öppnad|öppnade|oläst|olästa|arkiverat|arkiverad|arkiverade",
    "saapuneet|postilaatikko|lähetetyt|lähetetty|avattu|lukematon|lukemattomat|arkistoitu|luonnos|luonnokset",
    "odebrane|wysłane|otwarte|otwarta|nieprzeczytane|zarchiwizowane|wersja robocza|wersje robocze",
    "doručená pošta|doručené|odeslané|odeslaná pošta|otevřené|otevřeno|nepřečtené|archivováno|archivované|koncept|koncepty",
    "beérkező levelek|elküldött|elküldött levelek|megnyitva|megnyitott|olvasatlan|archivált|archiválva|piszkozat|piszkozatok",
    "mesaje primite|trimise|mesaje trimise|deschise|necitite|arhivate|mesaje nefinalizate|schițe",
    "gelen kutusu|gönderilmiş|gönderilen|gönderilmiş postalar|açıldı|açılmış|okunmamış|arşivlendi|arşivlenmiş|taslak|taslaklar",
    "εισερχόμενα|απεσταλμένα|ανοιγμένα|άνοιξε|μη αναγνωσμένα|αρχειοθετημένα|πρόχειρα",
    "входящие|отправленные|открытые|открыто|непрочитанные|архивированные|архив|заархивировано|черновик|черновики",
    "вхідні|надіслані|відкриті|відкрито|непрочитані|архівовано|заархівовано|чернетки",
    "受信トレイ|送信済み|送信済みメール|開封済み|未読|アーカイブ済み|下書き",
    "收件箱|已发送|已发邮件|已打开|未读|已归档|草稿",
    "收件匣|寄件備份|已開啟|未讀|已封存",
    "받은편지함|보낸편지함|열림|읽지않음|읽지 않음|보관됨|보관처리됨|임시보관함",
];

fn is_system(label: &str) -> bool {
    SYSTEM_LABELS.contains(&label)
        || FOREIGN_SYSTEM_LABELS.iter().any(|language| language.split('|').any(|known| known == label))
        || label.starts_with("category ")
        || label.starts_with("$label")
}

/// The name of the list from `List-Id`: the first label of `<name.lists.example.org>`, unless a machine made it up.
fn list_name(headers: &Headers<'_>) -> Option<String> {
    let value = headers.text("List-Id")?;
    let id = value.rsplit_once('<').map_or(value.as_str(), |(_, id)| id).trim_end_matches(['>', ' ']);
    let (label, host) = id.split_once(['.', '@'])?;
    let label = label.to_lowercase();
    let letters = label.chars().filter(|character| character.is_alphabetic()).count();
    let digits = label.chars().filter(char::is_ascii_digit).count();
    let is_word = label.chars().all(|character| character.is_alphanumeric() || "-_+".contains(character));
    // Campaign numbers and hashes are no names.
    (is_word
        && (2..=40).contains(&label.len())
        && letters >= 2
        && digits * 3 <= letters
        && host.contains(|c: char| c.is_alphabetic()))
    .then(|| format!("list/{label}"))
}

/// A label as a tag: lower-case, words joined by dashes; `None` for what only a mail system cares about.
fn label_tag(label: &str) -> Option<String> {
    let label = words::tidy(label.trim_matches(['"', '\'', '\\', ' '])).to_lowercase();
    if is_system(&label) || label.is_empty() || label.chars().count() > 60 || !label.chars().any(char::is_alphanumeric)
    {
        return None;
    }
    Some(label.trim_start_matches('#').replace(' ', "-"))
}

/// The labels of a list; a separator inside quotes divides nothing.
fn labels(value: &str, separators: &[char]) -> Vec<String> {
    let mut labels = vec![String::new()];
    let mut is_quoted = false;
    // A quote that is never closed is an inch sign.
    let has_pairs = value.matches('"').count().is_multiple_of(2);
    for character in value.chars() {
        match (character, labels.last_mut()) {
            ('"', _) if has_pairs => is_quoted = !is_quoted,
            (separator, _) if !is_quoted && separators.contains(&separator) => labels.push(String::new()),
            (character, Some(label)) => label.push(character),
            _ => {}
        }
    }
    labels
}

/// The tags of a mail, unique, in order: the list first, then keywords and labels.
pub(super) fn tags(headers: &Headers<'_>) -> Vec<String> {
    let mut tags: Vec<String> = list_name(headers).into_iter().collect();
    let mut known: std::collections::HashSet<String> = tags.iter().cloned().collect();
    for field in ["X-Gmail-Labels", "X-Label", "X-Keywords", "Keywords"] {
        for value in headers.all(field) {
            let value = words::decode_text(value);
            // X-Keywords of IMAP servers separate by blanks, everybody else by commas.
            let separators: &[char] =
                if value.contains([',', ';']) || field != "X-Keywords" { &[',', ';'] } else { &[' '] };
            for tag in labels(&value, separators).iter().filter_map(|label| label_tag(label)) {
                if known.insert(tag.clone()) {
                    tags.push(tag);
                }
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Vec<String> {
        tags(&Headers::split(raw.as_bytes()).0)
    }

    #[test]
    fn lists() {
        assert_eq!(of("List-Id: Irish Linux Users' Group <ilug.linux.ie>\n\n"), ["list/ilug"]);
        assert_eq!(of("List-Id: <rust-lang.github.com>\n\n"), ["list/rust-lang"]);
        assert!(of("List-Id: <7204291.xt.local>\n\n").is_empty());
        assert!(of("List-Id: <4f9c0a7b3e6d.mailer.example>\n\n").is_empty());
    }

    #[test]
    fn labels() {
        assert_eq!(
            of("X-Gmail-Labels: Inbox,Important,\"Project X\",Category Updates,Unread\n\n"),
            ["important", "project-x"]
        );
        assert_eq!(of("X-Keywords: NonJunk Travel #todo\n\n"), ["travel", "todo"]);
        assert_eq!(of("X-Label: =?utf-8?q?M=C3=BCnchen?=\nKeywords: a b, c\n\n"), ["münchen", "a-b", "c"]);
    }

    #[test]
    fn labels_of_gmail_in_any_language() {
        assert_eq!(
            of("X-Gmail-Labels: =?UTF-8?Q?=C3=85pnet,Kategori:_Reklame,Kj=C3=B8kken?=\n\n"),
            ["kategori:-reklame", "kjøkken"]
        );
        assert_eq!(of("X-Gmail-Labels: Inbox,\"Clients/Brown, Hill & Co\",Opened\n\n"), ["clients/brown,-hill-&-co"]);
        assert_eq!(of("X-Gmail-Labels: Inbox,\"Clients/Brown,\r\n Hill & Co\"\n\n"), ["clients/brown,-hill-&-co"]);
        assert_eq!(
            of(
                "X-Gmail-Labels: =?UTF-8?Q?Archiv=C3=A9s,Ouvert,Important,Bo=C3=AEte_de_r=C3=A9ception,?=\n =?UTF-8?Q?Vacances_2024?=\n\n"
            ),
            ["important", "vacances-2024"]
        );
        assert_eq!(of("X-Gmail-Labels: =?UTF-8?Q?\"M=C3=BCller,_Co\",Posteingang?=\n\n"), ["müller,-co"]);
        assert_eq!(of("X-Gmail-Labels: 3.5\" disks,Inbox\n\n"), ["3.5\"-disks"]);
        assert!(of("X-Gmail-Labels: =?UTF-8?B?5Y+X5L+h44OI44Os44Kk?=,=?UTF-8?B?5pyq6Kqt?=\n\n").is_empty());
    }
}

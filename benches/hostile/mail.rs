//! Messages: parts, headers, addresses, quotes, attachments of every kind.

use super::Case;

fn mail(rest: String) -> Vec<u8> {
    format!("From: a@b.c\nTo: d@e.f\nSubject: x\n{rest}").into_bytes()
}

fn html(body: String) -> Vec<u8> {
    mail(format!("Content-Type: text/html\n\n{body}"))
}

fn attached(kind: &str, body: Vec<u8>) -> Vec<u8> {
    [mail(format!("Content-Type: {kind}\nContent-Transfer-Encoding: binary\n\n")), body].concat()
}

fn tnef(attributes: Vec<u8>) -> Vec<u8> {
    attached("application/ms-tnef; name=winmail.dat", [b"\x78\x9f\x3e\x22\x01\x00".to_vec(), attributes].concat())
}

/// All of them.
pub(crate) const CASES: fn() -> Vec<Case> = || {
    let case = |name, n, make| Case { name, file: "x.eml", n, make };
    vec![
        case("mail in mail", 500, |n| {
            let inner: String =
                (0..n).map(|i| format!("From: a@b.c\nSubject: n{i}\nContent-Type: message/rfc822\n\n")).collect();
            mail(format!("Content-Type: message/rfc822\n\n{inner}From: a@b.c\nSubject: inner\n\nx\n"))
        }),
        case("mail parts in parts", 2_000, |n| {
            mail(
                (0..n).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n")).collect::<String>()
                    + "\nx\n",
            )
        }),
        case("mail alternatives in alternatives", 2_000, |n| {
            let level = |i| {
                format!(
                    "Content-Type: multipart/alternative; boundary=b{i}\n\n--b{i}\nContent-Type: text/plain\n\nx\n--b{i}\nContent-Type: text/html\n\n<p>x\n--b{i}\n"
                )
            };
            mail((0..n).map(level).collect())
        }),
        case("mail parts", 50_000, |n| {
            mail(format!("Content-Type: multipart/mixed; boundary=B\n\n{}", "--B\n\nx\n".repeat(n)))
        }),
        case("mail boundaries that begin alike", 50_000, |n| {
            mail(format!("Content-Type: multipart/mixed; boundary=B\n\n--B\n\nx\n{}", "--Bx\n".repeat(n)))
        }),
        case("mail attachments", 50_000, |n| {
            let part = |i| {
                format!(
                    "--B\nContent-Type: text/plain; name=a{i}.txt\nContent-Disposition: attachment; filename=a{i}.txt\n\nx\n"
                )
            };
            mail(format!(
                "Content-Type: multipart/mixed; boundary=B\n\n{}--B--\n",
                (0..n).map(part).collect::<String>()
            ))
        }),
        case("mail calendars attached", 400, |n| {
            let part = |i| {
                format!(
                    "--B\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n{}END:VCALENDAR\n",
                    (0..100).map(|j| format!("BEGIN:VEVENT\nSUMMARY:{i} {j}\nEND:VEVENT\n")).collect::<String>()
                )
            };
            mail(format!(
                "Content-Type: multipart/mixed; boundary=B\n\n{}--B--\n",
                (0..n).map(part).collect::<String>()
            ))
        }),
        case("mail invitations", 20_000, |n| {
            let events: String = (0..n).map(|i| format!("BEGIN:VEVENT\nSUMMARY:event {i}\nEND:VEVENT\n")).collect();
            mail(format!("Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n{events}END:VCALENDAR\n"))
        }),
        case("mail recipients", 50_000, |n| {
            let all: String = (0..n).map(|i| format!("u{i}@x.org, ")).collect();
            format!("From: a@b.c\nTo: {all}z@x.org\nSubject: x\n\nx\n").into_bytes()
        }),
        case("mail fields of recipients", 20_000, |n| {
            mail((0..n).map(|i| format!("To: u{i}@x.org\n")).collect::<String>() + "\nx\n")
        }),
        case("mail masked recipients", 20_000, |n| mail(format!("Cc: {}\n\nx\n", "ann at x.org (A), ".repeat(n)))),
        case("mail comments in addresses", 100_000, |n| mail(format!("Cc: {}@\n\nx\n", "(".repeat(n)))),
        case("mail brackets in addresses", 100_000, |n| mail(format!("Cc: {}a@b\n\nx\n", "<".repeat(n)))),
        case("mail quotes in addresses", 100_000, |n| mail(format!("Cc: {}a@b\n\nx\n", "\"a\" ".repeat(n)))),
        case("mail groups", 50_000, |n| mail(format!("Cc: {}a@b\n\nx\n", "g:".repeat(n)))),
        case("mail names in marks", 100_000, |n| mail(format!("Cc: {0}ann{0} <a@b.c>\n\nx\n", "'".repeat(n)))),
        case("mail bare addresses", 30_000, |n| mail(format!("Cc: {}\n\nx\n", "a@b.c ".repeat(n)))),
        case("mail references", 50_000, |n| {
            mail(format!("References: {}\n\nx\n", (0..n).map(|i| format!("<r{i}@x> ")).collect::<String>()))
        }),
        case("mail fields of references", 50_000, |n| {
            mail((0..n).map(|i| format!("References: <r{i}@x>\n")).collect::<String>() + "\nx\n")
        }),
        case("mail open references", 200_000, |n| mail(format!("References: {}\n\nx\n", "<".repeat(n)))),
        case("mail encoded words", 100_000, |n| mail(format!("Subject: {}\n\nx\n", "=?utf-8?Q?a?= ".repeat(n)))),
        case("mail open encoded words", 100_000, |n| {
            mail(format!("Comments: x\nTo: {}\n\nx\n", "=?utf-8?Q?a".repeat(n)))
        }),
        case("mail =?", 200_000, |n| mail(format!("Cc: {}\n\nx\n", "=?".repeat(n)))),
        case("mail a long field", 10_000_000, |n| mail(format!("X-A: {}\n\nx\n", "a".repeat(n)))),
        case("mail a long name of a field", 10_000_000, |n| mail(format!("{}\n\nx\n", "a".repeat(n)))),
        case("mail folds", 500_000, |n| mail(format!("X-A: a\n{}\nx\n", " b\n".repeat(n)))),
        case("mail blank folds", 500_000, |n| mail(format!("X-A: a\n{}\nx\n", " \n b\n".repeat(n / 2)))),
        case("mail folds without blanks", 100_000, |n| {
            mail(format!("Subject: a\n{}\nx\n", "=?utf-8?q?a?=\n".repeat(n)))
        }),
        case("mail fields", 200_000, |n| mail("X-A: b\n".repeat(n) + "\nx\n")),
        case("mail junk between fields", 100_000, |n| mail("junk\nX-A: b\n".repeat(n) + "\nx\n")),
        case("mail received", 50_000, |n| {
            format!("From: a@b.c\n{}\nx\n", "Received: by x; nonsense\n".repeat(n)).into_bytes()
        }),
        case("mail labels", 200_000, |n| {
            mail(format!("X-Gmail-Labels: {}\n\nx\n", (0..n).map(|i| format!("l{i},")).collect::<String>()))
        }),
        case("mail quotes in a name", 100_000, |n| {
            mail(format!("Content-Disposition: attachment; filename=\"{}\n\nx\n", "a\"b".repeat(n)))
        }),
        case("mail open quotes in names", 50_000, |n| {
            mail(format!("Content-Disposition: attachment; {}\n\nx\n", "a=\"".repeat(n)))
        }),
        case("mail quotes and blanks in names", 20_000, |n| {
            mail(format!("Content-Disposition: attachment; {}\n\nx\n", "filename=\" \"  ".repeat(n)))
        }),
        case("mail semicolons in a name", 100_000, |n| {
            mail(format!("Content-Disposition: attachment; filename=a{}\n\nx\n", "; ;b".repeat(n)))
        }),
        case("mail comments in parameters", 100_000, |n| {
            mail(format!("Content-Type: text/plain {}\n\nx\n", "(".repeat(n)))
        }),
        case("mail pieces of a name", 50_000, |n| {
            mail(format!(
                "Content-Disposition: attachment; {}\n\nx\n",
                (0..n).map(|i| format!("filename*{i}=a; ")).collect::<String>()
            ))
        }),
        case("mail parameters", 50_000, |n| {
            mail(format!(
                "Content-Type: text/plain; {}\n\nx\n",
                (0..n).map(|i| format!("p{i}=a; ")).collect::<String>()
            ))
        }),
        case("mail quote marks", 20_000, |n| {
            mail("\n".to_owned() + &(0..n).map(|i| format!("{} line\n", ">".repeat(i % 1000))).collect::<String>())
        }),
        case("mail deep quotes", 2_000_000, |n| mail(format!("\n{} x\n", ">".repeat(n)))),
        case("mail answers between quotes", 100_000, |n| mail("\n".to_owned() + &"> quoted\n\nown\n\n".repeat(n))),
        case("mail attributions", 50_000, |n| {
            mail("\n".to_owned() + &"On Mon, Apr 2, 2012, Ann <a@x.org> wrote:\n\nown\n".repeat(n))
        }),
        case("mail blocks of headers", 50_000, |n| mail("\n".to_owned() + &"From: a\nSent: b\n\n".repeat(n))),
        case("mail markers", 50_000, |n| mail("\n".to_owned() + &"-----Original Message-----\n\nx\n".repeat(n))),
        case("mail rules", 200_000, |n| mail("\n".to_owned() + &"-- \n".repeat(n))),
        case("mail signatures", 100_000, |n| mail("\nx\n".to_owned() + &"-- \nAnn\n".repeat(n))),
        case("mail blank lines", 3_000_000, |n| mail(format!("\nx{}y", "\n".repeat(n)))),
        case("mail one line", 10_000_000, |n| mail(format!("\n{}", "word ".repeat(n / 5)))),
        case("mail one word", 10_000_000, |n| mail(format!("\n{}", "a".repeat(n)))),
        case("mail flowed", 300_000, |n| {
            mail("Content-Type: text/plain; format=flowed\n\n".to_owned() + &">a \n".repeat(n))
        }),
        case("mail begin", 200_000, |n| mail("\n".to_owned() + &"begin 644 a\n".repeat(n))),
        case("mail uuencoded files", 50_000, |n| mail("\n".to_owned() + &"begin 644 a.txt\n#0V%T\n`\nend\n".repeat(n))),
        case("mail begin and data", 20_000, |n| mail("\n".to_owned() + &"begin 644 a\n#0V%T\n".repeat(n) + "x y z\n")),
        case("mail armour", 100_000, |n| mail("\n".to_owned() + &"-----BEGIN PGP SIGNED MESSAGE-----\n\n".repeat(n))),
        case("mail base64", 4_000_000, |n| {
            mail(format!("Content-Transfer-Encoding: base64\n\n{}", "QUJD\n".repeat(n / 5)))
        }),
        case("mail quoted printable", 3_000_000, |n| {
            mail(format!("Content-Transfer-Encoding: quoted-printable\n\n{}", "=\n".repeat(n / 2)))
        }),
        case("mail html quotes", 200_000, |n| html("<blockquote type=cite>x".repeat(n))),
        case("mail html items", 200_000, |n| html("<ol><li>".repeat(n))),
        case("mail html hidden", 100_000, |n| html("<div style='display:none'>".repeat(n) + "x")),
        case("mail html styles", 100_000, |n| html("<style>x".repeat(n))),
        case("mail html styles that do not close", 100_000, |n| html("<style></style <style>".repeat(n))),
        case("mail html comments", 200_000, |n| html("<!--".repeat(n))),
        case("mail html quotes of attributes", 200_000, |n| html("<a b='".repeat(n))),
        case("mail html attributes", 100_000, |n| html(format!("<a {}>x", "b='c>' ".repeat(n)))),
        case("mail html entities", 300_000, |n| html("&amp;&x".repeat(n))),
        case("mail html lines", 300_000, |n| html("a &lt; b\n".repeat(n))),
        case("mail winmail attributes", 100_000, |n| tnef(b"\x02\x02\x90\x06\x00\0\0\0\0\0\0".repeat(n))),
        case("mail winmail files", 20_000, |n| {
            tnef(b"\x02\x02\x90\x06\x00\0\0\0\0\0\0\x02\x0f\x80\x06\x00\x03\0\0\0abc\0\0".repeat(n))
        }),
        case("mail winmail lists", 100_000, |n| {
            let list = [&b"\x03\x10\x34\x12"[..], &100_000_u32.to_le_bytes(), &b"\x07\0\0\0".repeat(n)].concat();
            let block = [&1_u32.to_le_bytes()[..], &list].concat();
            tnef([&b"\x01\x03\x90\x06\x00"[..], &(block.len() as u32).to_le_bytes(), &block, b"\0\0"].concat())
        }),
        case("mail winmails with a text each", 200, |n| {
            let text = "word ".repeat(1_000);
            let part = |i: usize| {
                let body = format!("{i} {text}");
                let data = [
                    b"\x78\x9f\x3e\x22\x01\x00\x01\x0c\x80\x01\x00",
                    &(body.len() as u32).to_le_bytes()[..],
                    body.as_bytes(),
                    b"\0\0",
                ]
                .concat();
                [
                    b"--B\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\n\n",
                    &data[..],
                    b"\n",
                ]
                .concat()
            };
            [
                mail("Content-Type: multipart/mixed; boundary=B\n\n".into()),
                (0..n).flat_map(part).collect(),
                b"--B--\n".to_vec(),
            ]
            .concat()
        }),
        case("mail signed in pieces", 200_000, |n| {
            let head = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80";
            attached("application/pkcs7-mime; name=smime.p7m", [&head[..], &b"\x04\x03abc".repeat(n)].concat())
        }),
        case("mail nested signatures", 200_000, |n| {
            attached("application/pkcs7-mime; name=smime.p7m", b"\x30\x80".repeat(n))
        }),
        case("mail rich text groups", 300_000, |n| {
            attached("application/rtf; name=a.rtf", [b"{\\rtf1", &b"{".repeat(n)[..]].concat())
        }),
        Case {
            name: "mail archive of From lines",
            file: "x.mbox",
            n: 50_000,
            make: |n| b"From a@b.c Tue Mar 12 10:00:00 2024\nFrom: a@b.c\n\nx\n\n".repeat(n),
        },
        Case {
            name: "mail archive of From",
            file: "x.mbox",
            n: 200_000,
            make: |n| [&b"From a@b.c Tue Mar 12 10:00:00 2024\nFrom: a@b.c\n\n"[..], &b"From \n".repeat(n)].concat(),
        },
        Case {
            name: "mail archive of one message",
            file: "x.mbox",
            n: 10_000_000,
            make: |n| [&b"From a@b.c Tue Mar 12 10:00:00 2024\nFrom: a@b.c\n\n"[..], &b"a".repeat(n)].concat(),
        },
        Case {
            name: "saved page frames",
            file: "x.mhtml",
            n: 2_000,
            make: |n| {
                let part = |i| {
                    format!(
                        "--b\nContent-Type: text/html\n\n{}\n",
                        (0..100).map(|j| format!("<h2>{i} {j}</h2>x{i}")).collect::<String>()
                    )
                };
                format!("From: <Saved by Blink>\nSnapshot-Content-Location: https://x.org/\nContent-Type: multipart/related; boundary=b\n\n{}--b--\n", (0..n / 20).map(part).collect::<String>()).into_bytes()
            },
        },
        Case {
            name: "apple mail lists",
            file: "x.emlx",
            n: 100_000,
            make: |n| format!("9\nFrom: a@b.c\nSubject: x\nDate: x\n\n{}", "\n<plist".repeat(n)).into_bytes(),
        },
        Case {
            name: "calendar events",
            file: "x.ics",
            n: 30_000,
            make: |n| {
                format!(
                    "BEGIN:VCALENDAR\n{}",
                    (0..n)
                        .map(|i| format!("BEGIN:VEVENT\nSUMMARY:{i}\nCATEGORIES:c{i}\nEND:VEVENT\n"))
                        .collect::<String>()
                )
                .into_bytes()
            },
        },
        Case {
            name: "calendar nested",
            file: "x.ics",
            n: 200_000,
            make: |n| format!("BEGIN:VCALENDAR\n{}", "BEGIN:VEVENT\n".repeat(n)).into_bytes(),
        },
        Case {
            name: "calendar attendees",
            file: "x.ics",
            n: 50_000,
            make: |n| {
                format!(
                    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n{}",
                    (0..n).map(|i| format!("ATTENDEE:mailto:a{i}@x.org\n")).collect::<String>()
                )
                .into_bytes()
            },
        },
        Case {
            name: "calendar folds",
            file: "x.ics",
            n: 500_000,
            make: |n| format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n{}", " y\n".repeat(n)).into_bytes(),
        },
        Case {
            name: "calendar soft line ends",
            file: "x.ics",
            n: 200_000,
            make: |n| {
                format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY;ENCODING=QUOTED-PRINTABLE:x=\n{}", "y=\n".repeat(n))
                    .into_bytes()
            },
        },
        Case {
            name: "calendar parameters",
            file: "x.ics",
            n: 200_000,
            make: |n| format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY;{}:x\n", "A=b;".repeat(n)).into_bytes(),
        },
        Case {
            name: "calendar facts",
            file: "x.ics",
            n: 100_000,
            make: |n| {
                format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n{}", "RRULE:FREQ=WEEKLY\n".repeat(n)).into_bytes()
            },
        },
        Case {
            name: "calendar html",
            file: "x.ics",
            n: 100_000,
            make: |n| {
                format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nDESCRIPTION:{}\n", "<div></zz>".repeat(n))
                    .into_bytes()
            },
        },
        Case {
            name: "cards",
            file: "x.vcf",
            n: 30_000,
            make: |n| {
                (0..n)
                    .map(|i| format!("BEGIN:VCARD\nFN:n{i}\nEMAIL:a{i}@x.org\nCATEGORIES:c{i}\nEND:VCARD\n"))
                    .collect::<String>()
                    .into_bytes()
            },
        },
        Case {
            name: "cards of addresses",
            file: "x.vcf",
            n: 20_000,
            make: |n| {
                format!("BEGIN:VCARD\nFN:x\n{}", (0..n).map(|i| format!("ADR:;;{i}\n")).collect::<String>())
                    .into_bytes()
            },
        },
        Case {
            name: "cards of a long name",
            file: "x.vcf",
            n: 200_000,
            make: |n| format!("BEGIN:VCARD\nN:{0};{0};\nFN:{0}\n", "a b ".repeat(n / 8)).into_bytes(),
        },
    ]
};

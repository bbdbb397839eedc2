//! People as documents mention them. Written by the parsers, stored by the store, shown by search.

use serde::{Deserialize, Serialize};

use super::ids::PersonId;

/// How a document knows a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonRole {
    /// Sender of a mail.
    From,
    /// Recipient in `To`.
    To,
    /// Recipient in `Cc`.
    Cc,
    /// Recipient in `Bcc`.
    Bcc,
    /// Author of a file or note.
    Author,
    /// Named inside: on a contact card, in an invitation, in a message within the message.
    Mentioned,
}

impl PersonRole {
    /// The stable lower-case name used in the store and in the graph (`RECEIVED {field}`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Cc => "cc",
            Self::Bcc => "bcc",
            Self::Author => "author",
            Self::Mentioned => "mentioned",
        }
    }

    /// The role with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let roles = [Self::From, Self::To, Self::Cc, Self::Bcc, Self::Author, Self::Mentioned];
        roles.into_iter().find(|role| role.as_str() == name)
    }
}

/// One person as one document names them. At least one of `email` and `name` is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonMention {
    /// Normalised address (trimmed, lower-case), or `None` for people known by name only.
    pub email: Option<String>,
    /// Display name as written, or `None`.
    pub name: Option<String>,
    /// Where the document names them.
    pub role: PersonRole,
}

impl PersonMention {
    /// The person's stable id, or `None` when the mention names nobody (both parts empty).
    #[must_use]
    pub fn person_id(&self) -> Option<PersonId> {
        match (self.email.as_deref().map(str::trim), self.name.as_deref().map(str::trim)) {
            (Some(email), _) if !email.is_empty() => Some(PersonId::from_email(email)),
            (_, Some(name)) if !name.is_empty() => Some(PersonId::from_name(name)),
            _ => None,
        }
    }
}

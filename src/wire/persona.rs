//! Personas: the clients that a connection can claim to be.

/// A client tuple that real clients use: id, mode, role and what they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persona {
    /// Its name in scenarios.
    pub name: &'static str,
    /// The `client.id` that it sends.
    pub client_id: &'static str,
    /// The `client.mode` that it sends.
    pub mode: &'static str,
    /// The role that it asks for.
    pub role: &'static str,
    /// The scopes that it asks for.
    pub scopes: &'static [&'static str],
    /// The `client.displayName` that it sends.
    pub display_name: Option<&'static str>,
    /// The client that it stands for.
    pub about: &'static str,
}

const READ: &[&str] = &["operator.read"];

/// All personas. The gateway's schema allows only certain values of `client.id` and `client.mode`.
pub const PERSONAS: &[Persona] = &[
    operator("cli", "cli", "cli", "The command line client."),
    operator("probe", "cli", "probe", "The health check of the command line client."),
    Persona {
        display_name: Some("agent"),
        ..operator("backend", "gateway-client", "backend", "What the agent's exec tool uses.")
    },
    node("node-host", "node-host", "node", "A machine that runs commands."),
    operator("control-ui", "openclaw-control-ui", "webchat", "The web interface; real ones send an Origin."),
    operator("webchat-ui", "webchat-ui", "webchat", "The chat page embedded elsewhere."),
    operator("webchat", "webchat", "webchat", "The chat channel."),
    operator("macos", "openclaw-macos", "ui", "The desktop application on macOS."),
    node("ios", "openclaw-ios", "node", "The application on iOS as a node."),
    node("android", "openclaw-android", "node", "The application on Android as a node."),
    operator("test", "test", "test", "Upstream's test client."),
];

const fn operator(
    name: &'static str,
    client_id: &'static str,
    mode: &'static str,
    about: &'static str,
) -> Persona {
    Persona { name, client_id, mode, role: "operator", scopes: READ, display_name: None, about }
}

const fn node(
    name: &'static str,
    client_id: &'static str,
    mode: &'static str,
    about: &'static str,
) -> Persona {
    Persona { name, client_id, mode, role: "node", scopes: &[], display_name: None, about }
}

/// The persona of a name.
pub fn persona(name: &str) -> Option<&'static Persona> {
    PERSONAS.iter().find(|persona| persona.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for persona in PERSONAS {
            assert_eq!(super::persona(persona.name), Some(persona));
        }
    }

    #[test]
    fn nodes_ask_for_no_scopes() {
        assert!(PERSONAS.iter().filter(|one| one.role == "node").all(|one| one.scopes.is_empty()));
    }
}

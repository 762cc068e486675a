"""Who may speak; `core.backends` chooses."""

# Order is preference. Strings, so that a back-end's libraries load only when it is reached.
SPEAKERS = (
    "describer_daemon.speech.orca:OrcaSpeaker",
    "describer_daemon.speech.dispatcher:SpeechDispatcher",
    "describer_daemon.speech.espeak_ng:EspeakSpeaker",
    "describer_daemon.speech.pyttsx3:Pyttsx3Speaker",
)

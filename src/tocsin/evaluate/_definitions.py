"""The categories of the labelled sets as a user would describe them: written from the names, before any score."""

from __future__ import annotations

NEW_YEAR = {
    "Career": "work, a new job, a promotion, a career",
    "Education/Training": "school, college, study, learning a skill or a language",
    "Family/Friends/Relationships": "family, friends, love, marriage, spending time with people",
    "Finance": "money, saving, debt, spending less, a budget",
    "Health & Fitness": "losing weight, diet, exercise, the gym, quitting smoking, health",
    "Humor": "jokes, irony, silly resolutions that are not meant",
    "Personal Growth": "becoming a better person, confidence, happiness, habits, a positive attitude",
    "Philanthropic": "giving, charity, volunteering, helping others",
    "Recreation & Leisure": "travel, hobbies, books, games, films, music, fun",
    "Time Management/Organization": "being organised, punctual, less procrastination, cleaning, planning",
}

CRISIS = {
    "Affected individuals": "people who are dead, injured, missing, trapped, found or evacuated",
    "Infrastructure and utilities": "damaged buildings, closed roads, power cuts, restored services",
    "Donations and volunteering": "donations, relief goods, fund-raising, volunteers, offers of help",
    "Caution and advice": "warnings, advice, instructions to stay safe, forecasts",
    "Sympathy and support": "prayers, thoughts, thanks, sympathy for the victims",
    "Other Useful Information": "facts about the disaster, its extent, its cause, the official response",
}

EMOTIONS = {
    "joy": "happiness, joy, delight, feeling great",
    "amusement": "something is funny, laughing",
    "love": "love, affection, adoring somebody or something",
    "anger": "anger, rage, being furious, annoyed",
    "sadness": "sadness, grief, crying, feeling down",
    "fear": "fear, worry, being afraid, nervous",
    "surprise": "surprise, astonishment, something unexpected",
    "gratitude": "thanks, gratitude",
    "curiosity": "curiosity, asking, wanting to know",
    "disgust": "disgust, something revolting",
}
EMOTION_MEMBERS = {
    "joy": ("joy", "excitement", "optimism"),
    "amusement": ("amusement",),
    "love": ("love", "caring"),
    "anger": ("anger", "annoyance"),
    "sadness": ("sadness", "grief", "disappointment"),
    "fear": ("fear", "nervousness"),
    "surprise": ("surprise", "realization"),
    "gratitude": ("gratitude",),
    "curiosity": ("curiosity", "confusion"),
    "disgust": ("disgust",),
}
"""Which of GoEmotions' 28 emotions count as which of ours."""

AIRLINE = {
    "Customer Service Issue": "rude or unhelpful staff, nobody answers, waiting on hold, bad customer service",
    "Late Flight": "the flight is late or delayed, waiting at the gate or on the runway",
    "Cancelled Flight": "the flight was cancelled, rebooking after a cancellation",
    "Lost Luggage": "bags are lost, delayed or missing",
    "Bad Flight": "uncomfortable seats, no entertainment, bad food, a bad flight",
    "Flight Booking Problems": "the website or booking does not work, trouble with a reservation or ticket",
    "Flight Attendant Complaints": "rude flight attendants or crew",
    "Damaged Luggage": "bags are broken or damaged",
    "longlines": "long queues and lines at the airport",
}

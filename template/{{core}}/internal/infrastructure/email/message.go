package email

// Message is one email to one recipient.
type Message struct {
	// Kind says what it is about, for the log: welcome.
	Kind string
	// ID tells it from all others, for mail servers that were given it twice; "" leaves it to chance.
	ID string
	// To is an address alone, without a name.
	To      string
	Subject string
	// Text and HTML say the same.
	Text string
	HTML string
}

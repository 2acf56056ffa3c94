package vending

// Advised returns c of a source whose values an end user does not correct by connecting again: they
// come from a configuration, or from a service that has them in another form. advice says what an
// operator can do about the value of a field, for the log; it never holds a value.
func (c Credential) Advised(advice func(field string) string) Credential {
	c.advice = advice
	return c
}

// Advice returns what an operator can do about a field whose value cannot be placed. It is not ok
// where connecting again may bring another value.
func (c Credential) Advice(field string) (text string, ok bool) {
	if c.advice == nil {
		return "", false
	}
	return c.advice(field), true
}

package policy

// Holder is the bucket that a unit was taken of.
type Holder interface {
	// Commit ends the hold of one unit, which is spent. accepted says that the source knows the key.
	Commit(accepted bool)
	// Return ends the hold of one unit, and gives it back.
	Return()
}

// Reservation is one spent unit, which waits for the source to say whether its key exists.
type Reservation struct {
	Holder Holder
	// Known says that a source had accepted the key before, Sure that the key was not guessed.
	Known, Sure bool
}

// Commit ends the reservation. accepted says that the source knows the key: its bucket stays. To
// commit an empty reservation does nothing.
func (r Reservation) Commit(accepted bool) {
	if r.Holder != nil {
		r.Holder.Commit(accepted || r.Sure)
	}
}

// Reservations are the units that one request took, by the place of their [Draw].
type Reservations [len(Draws{})]Reservation

// Commit ends each reservation; accepted as in [Reservation.Commit].
func (r *Reservations) Commit(accepted bool) {
	for i := range r {
		r[i].Commit(accepted)
		r[i] = Reservation{}
	}
}

// Return ends each reservation and gives its unit back: the call does not happen.
func (r *Reservations) Return() {
	for i := range r {
		if h := r[i].Holder; h != nil {
			h.Return()
		}
		r[i] = Reservation{}
	}
}

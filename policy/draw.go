package policy

// Draw is one budget that a call takes a unit of. The zero value takes nothing.
type Draw struct {
	Key    BucketKey
	Budget Budget
	// Sure says that the key was not guessed: the unit is spent whether a source accepts the call or
	// not.
	Sure bool
	// IfUnknown takes the unit only where no source had accepted the key of the draw before this one.
	IfUnknown bool
	// bucket is the tenant's own in this process, found without a look-up.
	bucket *Bucket
}

// Draws are the budgets that one call draws on, the narrowest first: a refusal by a narrow one must
// cost the tenant's own nothing. They are passed by value, so that no call allocates them.
type Draws [5]Draw

// VendDraws are what a vend for app and connection draws on. caller is nil for a call by tenant
// key. A tenant whose key no source has accepted yet spends what all such tenants share as well, or
// a new key for each call would escape every budget.
func (t *Tenant) VendDraws(caller *CallerKey, app, connection string) (draws Draws) {
	if caller != nil && caller.Budget > 0 {
		draws[0] = Draw{Key: BucketKey{caller.Tenant, BudgetCallerKey, caller.ID}, Budget: caller.Budget, Sure: true}
	}
	if b := t.Budgets.Connection; b > 0 {
		draws[1] = Draw{Key: BucketKey{t.ID, "connection", connection}, Budget: b}
	}
	if b := t.Budgets.Apps[app]; b > 0 {
		draws[2] = t.appDraw(app, b)
	}
	draws[4] = t.TokenDraw()
	if t.Unverified {
		draws[3] = Draw{Key: BucketKey{t.ID, "token", ""}, Budget: t.Budgets.Token}
		draws[4].IfUnknown = true
	}
	return draws
}

func (t *Tenant) appDraw(slug string, b Budget) Draw {
	return Draw{Key: BucketKey{t.ID, "app", slug}, Budget: b}
}

// TokenDraw is the tenant's own token budget; that of an unverified one is all such tenants'.
func (t *Tenant) TokenDraw() Draw {
	return Draw{Key: BucketKey{t.usageID(), "token", ""}, Budget: t.Budgets.Token, Sure: true, bucket: t.Usage.token}
}

// APIDraw is the tenant's own api budget.
func (t *Tenant) APIDraw() Draw {
	return Draw{Key: BucketKey{t.usageID(), "api", ""}, Budget: t.Budgets.API, Sure: true, bucket: t.Usage.api}
}

func (t *Tenant) usageID() string {
	if t.Unverified {
		return UnverifiedTenants
	}
	return t.ID
}

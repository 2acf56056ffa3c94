package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
)

func (v *request) budgets() error {
	v.show(http.StatusOK, page.Budgets{Session: v.session(), Budgets: v.spent()})
	return nil
}

// liveBudgets is the part of the page that its script replaces.
func (v *request) liveBudgets() error {
	v.show(http.StatusOK, page.BudgetsLive{Budgets: v.spent()})
	return nil
}

// spent is what this process knows of the tenant's budgets.
func (v *request) spent() []page.Budget {
	now := v.o.Now()
	account := v.tenant.Usage
	chart := func(name string, limit policy.Budget, a *policy.Bucket, refused *policy.MinuteCounts) page.Budget {
		b := page.Budget{Name: name, Limit: int(limit), Refusals: refused.LastHour(now)}
		if limit > 0 {
			b.Left, _ = a.Left(now)
		}
		return b
	}
	return []page.Budget{
		chart("token", v.tenant.Budgets.Token, account.Token, &account.RefusedTokens),
		chart("api", v.tenant.Budgets.API, account.API, &account.RefusedCalls),
	}
}

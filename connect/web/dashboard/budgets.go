package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
)

func (req *request) budgets() error {
	req.show(http.StatusOK, page.Budgets{Session: req.session(), Budgets: req.budgetViews()})
	return nil
}

// liveBudgets is the part of the page that its script replaces.
func (req *request) liveBudgets() error {
	req.show(http.StatusOK, page.BudgetsLive{Budgets: req.budgetViews()})
	return nil
}

// budgetViews is what this process knows of the tenant's budgets.
func (req *request) budgetViews() []page.Budget {
	now := req.o.Now()
	account := req.tenant.Usage
	chart := func(name string, limit policy.Budget, a *policy.Bucket, refused *policy.MinuteCounts) page.Budget {
		b := page.Budget{Name: name, Limit: int(limit), Refusals: refused.LastHour(now)}
		if limit > 0 {
			a.Adjust(limit, now)
			b.Left, _ = a.Left(now)
		}
		return b
	}
	return []page.Budget{
		chart("token", req.tenant.Budgets.Token, account.Token, &account.RefusedTokens),
		chart("api", req.tenant.Budgets.API, account.API, &account.RefusedCalls),
	}
}

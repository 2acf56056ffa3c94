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
	budgets := []page.Budget{
		chart("token", req.tenant.Budgets.Token, account.Token, &account.RefusedTokens),
		chart("api", req.tenant.Budgets.API, account.API, &account.RefusedCalls),
	}
	for _, a := range req.o.Limiter.AppsLeft(req.tenant, now) {
		budgets = append(budgets, page.Budget{Name: a.Name, App: req.o.Manager.AppName(a.Name), Limit: int(a.Budget),
			Left: a.Left})
	}
	if limit := req.tenant.Budgets.Connection; limit > 0 {
		each := page.Budget{Name: "connection", Limit: int(limit)}
		for _, c := range req.o.Limiter.ConnectionsLeft(req.tenant, shownConnections, now) {
			each.Lowest = append(each.Lowest, page.Remaining{Connection: c.Name, Left: c.Left})
		}
		budgets = append(budgets, each)
	}
	return budgets
}

// shownConnections is how many connections the page names that have spent of their budget.
const shownConnections = 5

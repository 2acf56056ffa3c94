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

// budgetViews is what this process knows of the tenant's budgets; refusals are its own.
func (req *request) budgetViews() []page.Budget {
	now, ctx := req.o.Now(), req.r.Context()
	usage := req.tenant.Usage
	chart := func(draw policy.Draw, refused *policy.MinuteCounts) page.Budget {
		b := page.Budget{Name: draw.Key.Kind, Limit: int(draw.Budget), Refusals: refused.LastHour(now)}
		if draw.Budget > 0 {
			b.Left = req.o.Limiter.Peek(ctx, draw, now).Left
		}
		return b
	}
	budgets := []page.Budget{
		chart(req.tenant.TokenDraw(), &usage.RefusedTokens), chart(req.tenant.APIDraw(), &usage.RefusedCalls),
	}
	for _, a := range policy.AppsLeft(ctx, req.o.Limiter, req.tenant, now) {
		budgets = append(budgets, page.Budget{Name: a.Name, App: req.o.Manager.AppName(a.Name), Limit: int(a.Budget),
			Left: a.Left})
	}
	if limit := req.tenant.Budgets.Connection; limit > 0 {
		each := page.Budget{Name: "connection", Limit: int(limit)}
		for _, c := range policy.ConnectionsLeft(ctx, req.o.Limiter, req.tenant, shownConnections, now) {
			each.Lowest = append(each.Lowest, page.Remaining{Connection: c.Name, Left: c.Left})
		}
		budgets = append(budgets, each)
	}
	return budgets
}

// shownConnections is how many connections the page names that have spent of their budget.
const shownConnections = 5

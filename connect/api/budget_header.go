package api

import (
	"math"
	"strconv"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// announceBudget says what is left of the budget that the call draws on, whatever becomes of the
// call.
func (c *frontCall) announceBudget() {
	if c.endpoint.Vends {
		c.announce(c.tenant.TokenDraw())
		return
	}
	c.announce(c.tenant.APIDraw())
}

// announce says in the RateLimit headers (IETF httpapi draft) what is left of a budget.
func (c *frontCall) announce(draw policy.Draw) {
	budget, name := draw.Budget, draw.Key.Kind
	if budget <= 0 {
		return
	}
	level := c.front.o.Limiter.Peek(c.r.Context(), draw, time.Now())
	c.w.Header().Set("RateLimit-Policy", `"`+name+`";q=`+strconv.Itoa(int(budget))+`;w=60`)
	c.w.Header().Set("RateLimit", `"`+name+`";r=`+strconv.Itoa(min(level.Left, int(budget)))+
		`;t=`+strconv.Itoa(int(math.Ceil(level.Full.Seconds()))))
}

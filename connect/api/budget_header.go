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
		c.announce("token", c.tenant.Usage.Token, c.tenant.Budgets.Token)
		return
	}
	c.announce("api", c.tenant.Usage.API, c.tenant.Budgets.API)
}

// announce says in the RateLimit headers (IETF httpapi draft) what is left of a budget.
func (c *frontCall) announce(name string, bucket *policy.Bucket, budget policy.Budget) {
	if budget <= 0 {
		return
	}
	now := time.Now()
	bucket.Adjust(budget, now)
	left, full := bucket.Left(now)
	c.w.Header().Set("RateLimit-Policy", `"`+name+`";q=`+strconv.Itoa(int(budget))+`;w=60`)
	c.w.Header().Set("RateLimit",
		`"`+name+`";r=`+strconv.Itoa(min(left, int(budget)))+`;t=`+strconv.Itoa(int(math.Ceil(full.Seconds()))))
}

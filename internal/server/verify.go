package server

import (
	"context"
	"fmt"
	"strconv"

	"reeve/internal/license"
)

// verifyPlace is where VerifyLedgers goes on: in the ledgers it is the number of
// the last configuration, in the inventories -1-A, A being the last account (0
// for none), and in the checkpoints checkpointsFrom-A. 0 is the start, and as a
// place to go on at the end.
type verifyPlace int64

const checkpointsFrom verifyPlace = -10_000_000_000_000 // accounts have 12 digits

func (p verifyPlace) inLedgers() bool     { return p >= 0 }
func (p verifyPlace) inInventories() bool { return p > checkpointsFrom }

// account is the last one that was verified in its part, "" for none.
func (p verifyPlace) account() string {
	n := -1 - int64(p)
	if !p.inInventories() {
		n = int64(checkpointsFrom - p)
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%012d", n)
}

func inventoryPlace(account string) verifyPlace  { return -1 - numbered(account) }
func checkpointPlace(account string) verifyPlace { return checkpointsFrom - numbered(account) }

func numbered(account string) verifyPlace {
	n, err := strconv.ParseInt(account, 10, 64)
	if err != nil {
		return 0
	}
	return verifyPlace(n)
}

// verifyFrom verifies ledgers beyond a place, behind the last of them the
// inventories, and then the checkpoints that are kept, account by account.
func (s *server) verifyFrom(ctx context.Context, who license.Caller, after verifyPlace, limit int) (page []license.VerifyReport, next verifyPlace, err error) {
	for {
		more, next, err := s.verifyPart(ctx, who, after, limit-len(page))
		page, after = append(page, more...), next
		if err != nil || next == 0 || len(page) >= limit {
			return page, next, err
		}
	}
}

// verifyPart verifies what is left of the part that a place is in.
func (s *server) verifyPart(ctx context.Context, who license.Caller, after verifyPlace, limit int) (page []license.VerifyReport, next verifyPlace, err error) {
	var account string
	switch {
	case after.inLedgers():
		page, number, err := s.manager.Verify(ctx, who, int64(after), limit)
		if number == 0 {
			return page, inventoryPlace(""), err
		}
		return page, verifyPlace(number), err
	case after.inInventories():
		if page, account, err = s.manager.VerifyInventory(ctx, who, after.account(), limit); account == "" {
			return page, checkpointPlace(""), err
		}
		return page, inventoryPlace(account), err
	}
	if page, account, err = s.notary.Check(ctx, who, after.account(), limit); account == "" {
		return page, 0, err
	}
	return page, checkpointPlace(account), err
}

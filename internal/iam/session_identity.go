package iam

import (
	"context"
	"errors"
	"strings"
)

// RoleIdentity is who a session of single sign-on acts as, with what its role
// may do at this moment, or [ErrUnknownSession] where there is no such account or
// role any more.
func (d *Directory) RoleIdentity(ctx context.Context, s *Session) (Identity, error) {
	name := s.Principal[strings.LastIndexByte(s.Principal, '/')+1:]
	who, err := d.RoleSession(ctx, s.Account, s.Role, name)
	if errors.Is(err, ErrUnknownAccessKey) {
		err = ErrUnknownSession
	}
	return who, err
}

package store

// LimitSearches gives the searches of a store other bounds than it has.
func LimitSearches(s *Store, narrow, wide, scanned, page, probe int) {
	s.limits = searchLimits{narrow: narrow, wide: wide, scanned: scanned, page: page, probe: probe}
}

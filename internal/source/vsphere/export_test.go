package vsphere

// PageSize sets how many objects a request asks for.
func (s *Source) PageSize(n int32) { s.pageSize = n }

// Explain is explain, for errors that the simulator does not make.
func (s *Settings) Explain(err error) error { return s.explain(err) }

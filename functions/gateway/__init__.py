"""gateway: the only public function; verifies who says what, translates it, and passes it on."""

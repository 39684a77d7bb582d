"""DocMind for other programs: one running app serves its library to all of them."""

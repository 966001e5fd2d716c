def checked_url(url):
    return url

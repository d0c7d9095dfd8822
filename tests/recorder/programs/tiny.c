// Lives as briefly as a program can.
int main(void) { return 0; }

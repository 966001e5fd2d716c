// The worker of pdf.js, as a file of ours.
import "pdfjs-dist/legacy/build/pdf.worker.mjs";
